/** Which two columns the scatter shows; the whole panel while it shows none. */

import type { App } from "../app";
import { h, react } from "../dom";
import { fillSelect } from "./select";

export function axisPickers(app: App, empty: boolean): HTMLElement {
  const { store } = app;
  const picker = (axis: "x" | "y") =>
    h("select", {
      class: "ex-select",
      test: `axis-${axis}`,
      title: axis === "x" ? "Horizontal axis" : "Vertical axis",
      attrs: { "aria-label": axis === "x" ? "Horizontal axis" : "Vertical axis" },
      on: { change: choose },
    });
  const [x, y] = [picker("x"), picker("y")];
  const pickers = h(
    "div",
    { class: "ex-axes" },
    h("label", { class: "ex-field" }, h("span", { text: "x" }), x),
    h("label", { class: "ex-field" }, h("span", { text: "y" }), y),
  );

  function choose(): void {
    if (x.value && y.value) app.setAxes({ x: x.value, y: y.value });
  }

  const words = h("span", {});
  const hint = h("code", {});
  const element = h("div", { class: empty ? "ex-no-axes" : "ex-axes-head" });
  if (empty) {
    element.append(
      h("p", { class: "ex-empty-title", text: "No coordinates yet" }),
      h("p", { class: "ex-empty-words" }, words, hint),
    );
  }
  react(app.signal, () => {
    const names = (store.schema.value?.columns ?? [])
      .filter((column) => column.kind === "number")
      .map((column) => column.name);
    const axes = store.axes;
    const vector = store.schema.value?.columns.find(
      (column) => column.kind === "vector" && column.name !== "probs",
    );
    const lead =
      names.length > 1 ? "Choose two number columns, or compute a map of " : "Compute a map of ";
    if (vector) {
      words.textContent = `${lead}a vector column: `;
      hint.textContent = `view.update(t.umap(${JSON.stringify(vector.name)}), x="umap_0", y="umap_1")`;
    } else {
      words.textContent = `${lead}vectors, which no column has yet. A model has them in its layers: `;
      hint.textContent = `t.with_columns(ex.model(net, …, layers={"activation": "…"})).umap("activation")`;
    }
    // One pair of pickers at a time: the other one would only confuse who looks for them.
    pickers.hidden = (axes === null) !== empty || names.length === 0;
    if (pickers.hidden) return pickers.remove();
    if (!pickers.parentNode) element.append(pickers);
    const options = names.map((name) => ({ value: name, label: name }));
    const choices = empty ? [{ value: "", label: "Choose…" }, ...options] : options;
    fillSelect(x, choices, axes?.x ?? x.value);
    fillSelect(y, choices, axes?.y ?? y.value);
  });
  return element;
}
