/** One column counted: bars for categories, bins for numbers; both select. */

import type { App } from "../app";
import { type Clause, histogramSource } from "../clauses";
import { h, react } from "../dom";
import * as format from "../format";
import { icon } from "../icons";
import { binsView } from "./histogram_bins";
import { categoriesView } from "./histogram_categories";

export type Facet = {
  app: App;
  name: string;
  source: string;
  clause(): Clause | undefined;
};

/** A bar of rows that cannot be chosen: errors, nulls among numbers. */
export function quietBar(label: string, total: number, selected: number, value: unknown) {
  return h(
    "div",
    {
      class: "ex-quiet",
      test: "bar",
      attrs: {
        "data-value": JSON.stringify(value),
        "data-total": total,
        "data-selected": selected,
      },
    },
    h("span", { class: value === null ? "ex-bar-label ex-null" : "ex-bar-label", text: label }),
    h("span", { class: "ex-count", text: barCount(selected, total) }),
  );
}

export function barCount(selected: number, total: number): string {
  return selected === total
    ? format.count(total)
    : `${format.count(selected)} / ${format.count(total)}`;
}

function histogram(app: App, name: string, signal: AbortSignal): HTMLElement {
  const { store } = app;
  const source = histogramSource(name);
  const facet: Facet = { app, name, source, clause: () => store.clauses.value.get(source) };
  const note = h("span", { class: "ex-note" });
  const clear = h(
    "button",
    {
      class: "ex-icon-button ex-small",
      title: `Clear ${name}`,
      attrs: { type: "button", "aria-label": `Clear ${name}` },
      on: { click: () => app.select(source, null) },
    },
    icon("close"),
  );
  const body = h("div", { class: "ex-histogram-body" });
  const head = h(
    "div",
    { class: "ex-histogram-head" },
    h("span", { class: "ex-histogram-name", text: name, title: name }),
    note,
    clear,
  );
  const root = h("section", { class: "ex-histogram", test: source }, head, body);
  root.setAttribute("aria-label", `Histogram of ${name}`);

  let form = "";
  let lifetime = new AbortController();
  signal.addEventListener("abort", () => lifetime.abort(), { once: true });
  react(signal, () => {
    const type = store.facet(name)?.meta.type ?? "waiting";
    if (type === form) return;
    form = type;
    lifetime.abort();
    lifetime = new AbortController();
    if (type === "category") body.replaceChildren(categoriesView(facet, lifetime.signal));
    else if (type === "bins") body.replaceChildren(binsView(facet, lifetime.signal));
    else body.replaceChildren(h("p", { class: "ex-note", text: "Waiting for the values" }));
  });
  react(signal, () => {
    clear.classList.toggle("ex-invisible", facet.clause() === undefined);
    const column = store.facet(name);
    const deferred = store.schema.value?.columns.find((c) => c.name === name)?.deferred === true;
    const known = store.counts.value?.known[name] ?? column?.known ?? 0;
    note.textContent = deferred
      ? `${format.count(known)} of ${format.count(store.rows)} computed`
      : "";
  });
  return root;
}

export function histogramsView(app: App): HTMLElement {
  const root = h("div", { class: "ex-histograms" });
  const views = new Map<string, { element: HTMLElement; lifetime: AbortController }>();
  react(app.signal, () => {
    const names = app.store.histograms;
    const wanted = new Set(names);
    for (const [name, view] of views) {
      if (wanted.has(name)) continue;
      view.lifetime.abort();
      view.element.remove();
      views.delete(name);
    }
    for (const name of names) {
      let view = views.get(name);
      if (!view) {
        const lifetime = new AbortController();
        app.signal.addEventListener("abort", () => lifetime.abort(), { once: true });
        view = { element: histogram(app, name, lifetime.signal), lifetime };
        views.set(name, view);
      }
      root.append(view.element);
    }
    root.hidden = names.length === 0;
  });
  return root;
}
