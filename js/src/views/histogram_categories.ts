/** Horizontal bars, one a category, in the order of the labels. */

import { type Scalar } from "../clauses";
import { labelColor } from "../coloring";
import { FAILED } from "../columns";
import { h, react, scalarView, setAttr, setText } from "../dom";
import * as format from "../format";
import { css } from "../palette";
import { barCount, type Facet, quietBar } from "./histogram";
import { toggled } from "./legend";

const SHOWN = 20;
const SHOWN_ALL = 500;

/** The codes with the largest totals, in the order of the labels. */
export function largest(totals: Uint32Array, codes: number, most: number): number[] {
  const all = Array.from({ length: codes }, (_, code) => code);
  if (codes <= most) return all;
  const ranked = [...all].sort((a, b) => (totals[b] as number) - (totals[a] as number) || a - b);
  return ranked.slice(0, most).sort((a, b) => a - b);
}

type Bar = { element: HTMLElement; pale: HTMLElement; dark: HTMLElement; count: HTMLElement };

export function categoriesView(facet: Facet, signal: AbortSignal): HTMLElement {
  const { app, name, source } = facet;
  const list = h("div", { class: "ex-bars" });
  const rest = h("div", { class: "ex-rest" });
  const more = h("button", { class: "ex-link", attrs: { type: "button" } });
  const beyond = h("p", { class: "ex-note" });
  const root = h("div", {}, list, rest, beyond, more);
  const bars = new Map<string, Bar>();
  let all = false;

  function choose(value: Scalar, adding: boolean): void {
    app.select(source, toggled(facet.clause(), name, value, adding));
  }

  function make(value: Scalar): Bar {
    const pale = h("span", { class: "ex-bar-total" });
    const dark = h("span", { class: "ex-bar-selected" });
    const count = h("span", { class: "ex-count" });
    const element = h(
      "button",
      {
        class: "ex-bar",
        test: "bar",
        title: `${format.scalar(value)}: click to select, Ctrl-click to add or take away`,
        attrs: { type: "button", "data-value": JSON.stringify(value) },
        on: {
          click: (event) => choose(value, event.ctrlKey || event.metaKey || event.shiftKey),
        },
      },
      scalarView("ex-bar-label", value),
      h("span", { class: "ex-bar-track" }, pale, dark),
      count,
    );
    return { element, pale, dark, count };
  }

  function update(): void {
    const column = app.store.facet(name);
    const counts = app.linked.counts(name, source);
    if (column?.meta.type !== "category" || !counts) return;
    const { labels, other } = column.meta;
    const { total, selected } = counts;
    const codes = largest(total, labels.length, all ? SHOWN_ALL : SHOWN);
    const longest = Math.max(1, ...codes.map((code) => total[code] as number));
    const clause = facet.clause();
    const chosen = clause?.type === "category" ? clause.values : null;
    const colored = app.store.color === name;
    const elements = codes.map((code) => {
      const value = labels[code] as Scalar;
      const key = JSON.stringify(value);
      let bar = bars.get(key);
      if (!bar) bars.set(key, (bar = make(value)));
      const [of, on] = [total[code] as number, selected[code] as number];
      const picked = chosen?.includes(value) ?? false;
      setAttr(bar.element, "data-total", String(of));
      setAttr(bar.element, "data-selected", String(on));
      setAttr(bar.element, "aria-pressed", String(picked));
      bar.element.classList.toggle("ex-off", chosen !== null && !picked);
      const color = colored ? css(labelColor(labels, code, app.theme.value)) : "";
      bar.element.style.setProperty("--ex-bar", color);
      bar.pale.style.width = `${(of / longest) * 100}%`;
      bar.dark.style.width = `${(on / longest) * 100}%`;
      setText(bar.count, barCount(on, of));
      return bar.element;
    });
    const same = elements.every((element, i) => list.children[i] === element);
    if (!same || list.children.length !== elements.length) list.replaceChildren(...elements);
    const quiet: HTMLElement[] = [];
    const special = (code: number, label: string) => {
      const of = total[code] ?? 0;
      if (of > 0) quiet.push(quietBar(label, of, selected[code] ?? 0, { [label]: true }));
    };
    if (other) special(labels.length, "other");
    special(FAILED, "error");
    rest.replaceChildren(...quiet);
    const left = labels.length - codes.length;
    beyond.hidden = !all || left === 0;
    setText(beyond, `and ${format.count(left)} more that are not shown`);
    more.hidden = left === 0 && !all;
    setText(more, all ? "Show fewer" : `${format.count(left)} more`);
  }

  more.addEventListener("click", () => {
    all = !all;
    update();
  });
  react(signal, update);
  return root;
}
