/** The entry that anywidget calls. */

import { App } from "./app";
import { type Channel, kernelChannel, type WidgetModel } from "./channel";
import { browserClock, type Clock } from "./clock";
import { keepShortcutsQuiet } from "./dom";
import { followTheme } from "./theme";
import base from "./views/base.css";
import detail from "./views/detail.css";
import grid from "./views/grid.css";
import plots from "./views/plots.css";
import toolbar from "./views/toolbar.css";
import { shellView } from "./views/shell";

/** Builds the view inside `el` until `signal` aborts; a shadow root keeps host styles out. */
export function mount(
  channel: Channel,
  el: HTMLElement,
  signal: AbortSignal,
  clock: Clock = browserClock,
): void {
  const host = document.createElement("div");
  keepShortcutsQuiet(host);
  el.append(host);
  const root = host.attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = [base, toolbar, grid, plots, detail].join("\n");
  const app = new App(channel, clock, followTheme(el, signal), signal);
  root.append(style, shellView(app));
  signal.addEventListener("abort", () => host.remove(), { once: true });
}

type RenderProps = { model: WidgetModel; el: HTMLElement; signal?: AbortSignal };

function render({ model, el, signal }: RenderProps): () => void {
  const lifetime = new AbortController();
  signal?.addEventListener("abort", () => lifetime.abort(), { once: true });
  mount(kernelChannel(model), el, lifetime.signal);
  return () => lifetime.abort();
}

export default { render };
