/** The whole view: where the parts stand, and how they share the room. */

import { signal } from "@preact/signals-core";
import type { App } from "../app";
import { clamp, h, onResize, react } from "../dom";
import { detailView } from "./detail";
import { gridView } from "./grid";
import { histogramsView } from "./histogram";
import { scatterView } from "./scatter";
import { noticesView, statusView } from "./status";
import { toolbarView } from "./toolbar";

const NARROW = 720;
const LEAST_SIDE = 280;
/** Below this height the plots do not fit under each other. */
const LOW = 480;
const LEAST_NARROW = 560;
const SHARE = 0.38;
const SETTLED_AFTER = 80;

/** The bar between grid and plots: dragged, or moved by arrow keys. */
function splitter(width: () => number, share: { value: number }): HTMLElement {
  const element = h("div", {
    class: "ex-splitter",
    attrs: { role: "separator", tabindex: 0, "aria-orientation": "vertical" },
  });
  element.setAttribute("aria-label", "Width of the plots");
  const most = () => Math.max(0.2, 1 - 200 / Math.max(400, width()));
  let start: { x: number; share: number } | null = null;
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    start = { x: event.clientX, share: share.value };
  });
  element.addEventListener("pointermove", (event) => {
    if (!start) return;
    share.value = clamp(start.share - (event.clientX - start.x) / width(), 0.2, most());
  });
  const end = () => (start = null);
  element.addEventListener("pointerup", end);
  element.addEventListener("pointercancel", end);
  element.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowLeft" ? 0.02 : event.key === "ArrowRight" ? -0.02 : 0;
    if (step === 0) return;
    event.preventDefault();
    share.value = clamp(share.value + step, 0.2, most());
  });
  return element;
}

export function shellView(app: App): HTMLElement {
  const { store } = app;
  const width = signal(0);
  const share = signal(SHARE);
  const side = h("aside", { class: "ex-side" }, scatterView(app), histogramsView(app));
  const bar = splitter(() => width.value, share);
  const body = h("div", { class: "ex-body" }, gridView(app), bar, side);
  const root = h(
    "div",
    { class: "ex-root", test: "explorer", attrs: { "data-lm-suppress-shortcuts": true } },
    toolbarView(app),
    noticesView(app),
    body,
    statusView(app),
    detailView(app),
  );
  onResize(root, app.signal, (inner) => (width.value = inner));
  react(app.signal, () => {
    const narrow = width.value > 0 && width.value < NARROW;
    root.classList.toggle("ex-narrow", narrow);
    const height = store.schema.value?.layout.height ?? 560;
    root.classList.toggle("ex-low", height < LOW);
    root.style.height = `${narrow ? Math.max(LEAST_NARROW, Math.round(height * 1.6)) : height}px`;
    side.style.width = narrow ? "" : `max(${LEAST_SIDE}px, ${(share.value * 100).toFixed(2)}%)`;
    side.hidden = store.schema.value === null;
    bar.hidden = narrow || side.hidden;
  });
  react(app.signal, () => {
    root.dataset["theme"] = app.theme.value;
  });
  react(app.signal, () => {
    root.dataset["epoch"] = String(app.shown.value.epoch);
  });
  let cancel = () => {};
  react(app.signal, () => {
    const settled = app.complete.value && !app.waiting.value;
    cancel();
    cancel = () => {};
    // The parts of one change come as several messages: settled is what stays so for a moment.
    if (settled) cancel = app.clock.after(SETTLED_AFTER, () => (root.dataset["settled"] = "true"));
    else root.dataset["settled"] = "false";
  });
  app.signal.addEventListener("abort", () => cancel(), { once: true });
  return root;
}
