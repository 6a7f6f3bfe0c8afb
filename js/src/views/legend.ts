/** What the colours mean, how many of each are selected; a click selects. */

import type { App } from "../app";
import { type Clause, histogramSource, type Scalar } from "../clauses";
import { type Coloring, labelColor } from "../coloring";
import { FAILED, NOT_COMPUTED } from "../columns";
import { h, onResize, react, scalarView } from "../dom";
import * as format from "../format";
import { css, FAILED_COLOR, rampColor, UNKNOWN_COLOR } from "../palette";

const SHOWN = 20;

/** The clause after a click on one value: alone, or with others added and taken away. */
export function toggled(
  clause: Clause | undefined,
  column: string,
  value: Scalar,
  adding: boolean,
): Clause | null {
  const before = clause?.type === "category" && clause.column === column ? clause.values : [];
  const there = before.includes(value);
  const without = before.filter((other) => other !== value);
  const values = adding ? (there ? without : [...before, value]) : [value];
  if (values.length === 0 || (!adding && there && before.length === 1)) return null;
  return { type: "category", column, values };
}

function swatch(color: string): HTMLElement {
  const element = h("span", { class: "ex-swatch" });
  element.style.background = color;
  return element;
}

function categories(app: App, colors: Coloring & { by: "category" }, name: string): HTMLElement[] {
  const source = histogramSource(name);
  const counts = app.linked.counts(name, source);
  const clause = app.store.clauses.value.get(source);
  const chosen = clause?.type === "category" ? clause.values : null;
  const entry = (label: Scalar, code: number) => {
    const on = chosen === null || chosen.includes(label);
    return h(
      "button",
      {
        class: on ? "ex-legend-entry" : "ex-legend-entry ex-off",
        attrs: { type: "button", "aria-pressed": chosen !== null && on },
        title: `${format.scalar(label)}: click to select, Ctrl-click to add or take away`,
        on: {
          click: (event) => {
            const adding = event.ctrlKey || event.metaKey || event.shiftKey;
            app.select(source, toggled(app.store.clauses.value.get(source), name, label, adding));
          },
        },
      },
      swatch(css(labelColor(colors.labels, code, colors.mode))),
      scalarView("ex-legend-label", label),
      h("span", { class: "ex-count", text: format.count(counts?.selected[code] ?? 0) }),
    );
  };
  const entries: HTMLElement[] = colors.labels.slice(0, SHOWN).map(entry);
  const more = colors.labels.length - SHOWN;
  if (more > 0) entries.push(h("span", { class: "ex-note", text: `${format.count(more)} more` }));
  const special = (code: number, label: string, color: string) => {
    const total = counts?.total[code] ?? 0;
    if (total === 0) return;
    const words = `${label} ${format.count(total)}`;
    entries.push(h("span", { class: "ex-legend-entry ex-plain" }, swatch(color), words));
  };
  special(NOT_COMPUTED, "not computed", css(UNKNOWN_COLOR[colors.mode]));
  special(FAILED, "error", css(FAILED_COLOR[colors.mode]));
  return entries;
}

function bar(colors: Coloring, min: string, max: string): HTMLElement[] {
  const stops = Array.from({ length: 9 }, (_, i) => css(rampColor(i / 8, colors.mode)));
  const strip = h("span", { class: "ex-ramp" });
  strip.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
  const end = (text: string) => h("span", { class: "ex-count", text });
  return [end(min), strip, end(max)];
}

export function legendView(app: App): HTMLElement {
  const element = h("div", {
    class: "ex-legend",
    attrs: { role: "group", "aria-label": "Legend" },
  });
  /** More entries than are seen fade out at the edge, so that nobody takes them for all. */
  function showCut(): void {
    const below = element.scrollHeight - element.clientHeight - element.scrollTop;
    element.classList.toggle("ex-cut", below > 2);
  }

  element.addEventListener("scroll", showCut, { passive: true });
  onResize(element, app.signal, showCut);
  react(app.signal, () => {
    const colors = app.coloring.value;
    const focused = Array.from(element.children).indexOf(
      (element.getRootNode() as ShadowRoot).activeElement as Element,
    );
    let entries: HTMLElement[] = [];
    if (colors.name !== null) {
      if (colors.by === "category") entries = categories(app, colors, colors.name);
      else if (colors.by === "number") {
        entries = bar(colors, format.number(colors.min), format.number(colors.max));
      } else if (colors.by === "bins") {
        const show = colors.date ? format.date : format.number;
        entries = bar(colors, show(colors.edges[0] ?? 0), show(colors.edges.at(-1) ?? 1));
      }
      entries.unshift(h("span", { class: "ex-legend-name", text: colors.name }));
    }
    element.hidden = entries.length === 0;
    element.replaceChildren(...entries);
    showCut();
    if (focused >= 0) (element.children[focused] as HTMLElement | undefined)?.focus();
  });
  return element;
}
