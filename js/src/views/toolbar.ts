/** Title, sorting, colour, size, and the clauses of the selection as chips. */

import type { App } from "../app";
import type { Clause } from "../clauses";
import { h, react } from "../dom";
import { clauseWords } from "../format";
import { icon } from "../icons";
import type { ColumnInfo } from "../protocol";
import { fillSelect } from "./select";

/** Always there, so that nothing moves when the first clause appears. */
const HINT = "Nothing selected: lasso points, click bars, or Ctrl-click";

function labelled(column: ColumnInfo): { value: string; label: string } {
  return { value: column.name, label: column.name };
}

function sortMenu(app: App): HTMLElement {
  const { store } = app;
  const select = h("select", {
    class: "ex-select",
    test: "sort",
    attrs: { "aria-label": "Sort by" },
    on: { change: () => sort(select.value, false) },
  });
  const direction = h("button", {
    class: "ex-icon-button",
    test: "sort-direction",
    attrs: { type: "button" },
    on: { click: () => sort(select.value, !store.sort[0]?.descending) },
  });

  function sort(column: string, descending: boolean): void {
    void app.sort(column === "" ? [] : [{ column, descending }]);
  }

  react(app.signal, () => {
    const columns = (store.schema.value?.columns ?? []).filter((column) =>
      ["number", "category", "boolean", "text"].includes(column.kind),
    );
    const key = store.sort[0];
    const choices = [{ value: "", label: "Original order" }, ...columns.map(labelled)];
    fillSelect(select, choices, key?.column ?? "");
    const words = key?.descending ? "Descending" : "Ascending";
    direction.title = words;
    direction.setAttribute("aria-label", words);
    direction.disabled = !key;
    direction.replaceChildren(icon(key?.descending ? "down" : "up"));
  });
  return h(
    "div",
    { class: "ex-group" },
    h("label", { class: "ex-field" }, h("span", { text: "Sort" }), select),
    direction,
  );
}

function colorMenu(app: App): HTMLElement {
  const { store } = app;
  const select = h("select", {
    class: "ex-select",
    test: "color",
    attrs: { "aria-label": "Colour by" },
    on: { change: () => app.setColor(select.value === "" ? null : select.value) },
  });
  react(app.signal, () => {
    const columns = (store.schema.value?.columns ?? []).filter((column) =>
      ["number", "category", "boolean"].includes(column.kind),
    );
    const choices = [{ value: "", label: "None" }, ...columns.map(labelled)];
    fillSelect(select, choices, store.color ?? "");
  });
  return h("label", { class: "ex-field" }, h("span", { text: "Colour" }), select);
}

function sizeSlider(app: App): HTMLElement {
  const { store } = app;
  const slider = h("input", {
    class: "ex-slider",
    test: "size",
    attrs: { type: "range", min: 32, max: 256, step: 4, "aria-label": "Size of the images" },
    on: { input: () => app.keep({ tile: Number(slider.value) }) },
  });
  react(app.signal, () => {
    const tile = store.layout.value.tile ?? store.schema.value?.layout.tile ?? 96;
    slider.value = String(tile);
    slider.setAttribute("aria-valuetext", `${tile} pixels`);
  });
  return h("label", { class: "ex-field" }, h("span", { text: "Size" }), slider);
}

/** Copies text where the page may; selects it for the person to copy where it may not. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { attrs: { readonly: true } });
    area.value = text;
    area.style.cssText = "position:fixed;opacity:0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function copyButton(app: App): HTMLButtonElement {
  const words = h("span", { text: "Copy as Polars" });
  const mark = h("span", { class: "ex-icon-slot" }, icon("copy"));
  let cancel = () => {};
  const button = h(
    "button",
    {
      class: "ex-button",
      test: "copy",
      attrs: { type: "button" },
      on: {
        click: async () => {
          const code = app.store.confirmed.value?.code;
          if (!code || !(await copy(code))) return;
          words.textContent = "Copied";
          mark.replaceChildren(icon("check"));
          cancel();
          cancel = app.clock.after(1500, () => {
            words.textContent = "Copy as Polars";
            mark.replaceChildren(icon("copy"));
          });
        },
      },
    },
    mark,
    words,
  );
  app.signal.addEventListener("abort", () => cancel(), { once: true });
  react(app.signal, () => {
    const code = app.store.confirmed.value?.code ?? null;
    button.disabled = !code;
    button.title = code ? `Copy the Polars expression\n${code}` : "";
  });
  return button;
}

function chip(app: App, source: string, clause: Clause): HTMLElement {
  const isDate = (name: string) => {
    const meta = app.store.facet(name)?.meta;
    return meta?.type === "bins" && meta.date;
  };
  const [about, says] = clauseWords(clause, isDate);
  const label = `Remove ${about} ${says}`;
  return h(
    "span",
    { class: "ex-chip", test: "chip", attrs: { "data-source": source } },
    h("span", { class: "ex-chip-about", text: about }),
    h("span", { class: "ex-chip-says", text: says, title: says }),
    h(
      "button",
      {
        class: "ex-chip-remove",
        title: label,
        attrs: { type: "button", "aria-label": label },
        on: { click: () => app.select(source, null) },
      },
      icon("close"),
    ),
  );
}

export function toolbarView(app: App): HTMLElement {
  const { store } = app;
  const title = h("h2", { class: "ex-title" });
  const chips = h("div", { class: "ex-chips" });
  const clear = h("button", {
    class: "ex-button",
    test: "clear",
    text: "Clear",
    title: "Clear the selection",
    attrs: { type: "button" },
    on: { click: () => app.clearSelection() },
  });
  const tools = h("div", { class: "ex-controls" }, sortMenu(app), colorMenu(app), sizeSlider(app));
  const selection = h("div", { class: "ex-selection" }, chips, copyButton(app), clear);
  react(app.signal, () => {
    const schema = store.schema.value;
    title.textContent = schema?.title || (schema && schema.image === null ? "Rows" : "Images");
    title.title = title.textContent;
  });
  react(app.signal, () => {
    const clauses = store.clauses.value;
    selection.classList.toggle("ex-nothing", clauses.size === 0);
    const shown = [...clauses].map(([source, clause]) => chip(app, source, clause));
    const things = store.schema.value?.image === null ? "rows" : "images";
    const hint = h("span", { class: "ex-hint", text: `${HINT} ${things}` });
    chips.replaceChildren(...(shown.length > 0 ? shown : [hint]));
  });
  return h("header", { class: "ex-toolbar" }, title, tools, selection);
}
