/** Vertical bars over a number's bins, and a brush that snaps to their edges. */

import { type IntervalClause } from "../clauses";
import { FAILED, NULL_BIN } from "../columns";
import { wholeBins } from "../crossfilter";
import { clamp, h, react, setAttr } from "../dom";
import * as format from "../format";
import { css, rampColor } from "../palette";
import { type Facet, quietBar } from "./histogram";

type Bin = { element: HTMLElement; pale: HTMLElement; dark: HTMLElement };

/** The clause for bins [first, stop): the last bin is closed on both sides. */
export function binsClause(
  column: string,
  edges: readonly number[],
  first: number,
  stop: number,
): IntervalClause {
  const closed = stop === edges.length - 1 ? "both" : "left";
  return { type: "interval", column, lo: edges[first] ?? 0, hi: edges[stop] ?? 0, closed };
}

export function binsView(facet: Facet, signal: AbortSignal): HTMLElement {
  const { app, name, source } = facet;
  const strip = h("div", {
    class: "ex-bins",
    attrs: { tabindex: 0, role: "group", "aria-label": `Bins of ${name}: arrow keys select` },
  });
  const [least, most] = [h("span"), h("span")];
  const brushed = h("span", { class: "ex-brushed" });
  const axis = h("div", { class: "ex-bin-axis" }, least, brushed, most);
  const rest = h("div", { class: "ex-rest" });
  const root = h("div", {}, strip, axis, rest);
  let bins: Bin[] = [];
  let key = "";

  function edges(): number[] {
    const meta = app.store.facet(name)?.meta;
    return meta?.type === "bins" ? meta.edges : [];
  }

  function show(value: number): string {
    const meta = app.store.facet(name)?.meta;
    return meta?.type === "bins" && meta.date ? format.date(value) : format.number(value);
  }

  function make(lo: number, hi: number): Bin {
    const pale = h("span", { class: "ex-bin-total" });
    const dark = h("span", { class: "ex-bin-selected" });
    const attrs = { "data-value": JSON.stringify([lo, hi]) };
    const element = h("div", { class: "ex-bin", test: "bar", attrs }, pale, dark);
    return { element, pale, dark };
  }

  function rebuild(at: number[]): void {
    const next = JSON.stringify(at);
    if (next === key) return;
    key = next;
    bins = at.slice(1).map((hi, i) => make(at[i] as number, hi));
    strip.replaceChildren(...bins.map((bin) => bin.element));
    least.textContent = show(at[0] ?? 0);
    most.textContent = show(at.at(-1) ?? 0);
  }

  /** The brushed bins [first, stop), or null. */
  function range(): [number, number] | null {
    const clause = facet.clause();
    return clause?.type === "interval" ? wholeBins(edges(), clause) : null;
  }

  function update(): void {
    const at = edges();
    const counts = app.linked.counts(name, source);
    if (at.length < 2 || !counts) return;
    rebuild(at);
    const { total, selected } = counts;
    const highest = Math.max(1, ...bins.map((_, bin) => total[bin] as number));
    const chosen = range();
    const colored = app.store.color === name;
    bins.forEach((bin, i) => {
      const [of, on] = [total[i] as number, selected[i] as number];
      setAttr(bin.element, "data-total", String(of));
      setAttr(bin.element, "data-selected", String(on));
      const words = `${show(at[i] as number)} – ${show(at[i + 1] as number)}: `;
      bin.element.title = `${words}${format.count(on)} of ${format.count(of)}`;
      bin.element.classList.toggle("ex-off", chosen !== null && (i < chosen[0] || i >= chosen[1]));
      const place = bins.length > 1 ? i / (bins.length - 1) : 0.5;
      const color = colored ? css(rampColor(place, app.theme.value)) : "";
      bin.element.style.setProperty("--ex-bar", color);
      bin.pale.style.height = of > 0 ? `max(1px, ${(of / highest) * 100}%)` : "0";
      bin.dark.style.height = on > 0 ? `max(1px, ${(on / highest) * 100}%)` : "0";
    });
    const clause = facet.clause();
    brushed.textContent =
      clause?.type === "interval" ? `${show(clause.lo)} – ${show(clause.hi)}` : "";
    const quiet: HTMLElement[] = [];
    const special = (code: number, label: string, value: unknown) => {
      const of = total[code] ?? 0;
      if (of > 0) quiet.push(quietBar(label, of, selected[code] ?? 0, value));
    };
    special(NULL_BIN, "null", null);
    special(FAILED, "error", { error: true });
    rest.replaceChildren(...quiet);
  }

  // ---- the brush ------------------------------------------------------------------------

  let from: number | null = null;
  let before: [number, number] | null = null;

  function binAt(event: PointerEvent): number {
    const box = strip.getBoundingClientRect();
    const place = ((event.clientX - box.left) / Math.max(1, box.width)) * bins.length;
    return clamp(Math.floor(place), 0, bins.length - 1);
  }

  function brush(first: number, stop: number): void {
    const now = range();
    if (now && now[0] === first && now[1] === stop) return;
    app.select(source, binsClause(name, edges(), first, stop));
  }

  strip.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || bins.length === 0) return;
    strip.setPointerCapture(event.pointerId);
    before = range();
    from = binAt(event);
    if (event.shiftKey && before) {
      from = from < before[0] ? before[1] - 1 : before[0];
    }
    follow(event);
  });
  strip.addEventListener("pointermove", (event) => {
    if (from !== null) follow(event);
  });
  strip.addEventListener("pointerup", (event) => {
    const at = from;
    from = null;
    // A click on the only brushed bin takes the brush away.
    const only = before && before[1] - before[0] === 1 && before[0] === at;
    if (only && binAt(event) === at) app.select(source, null);
  });
  strip.addEventListener("pointercancel", () => (from = null));

  function follow(event: PointerEvent): void {
    if (from === null) return;
    const to = binAt(event);
    brush(Math.min(from, to), Math.max(from, to) + 1);
  }

  strip.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && facet.clause()) {
      event.stopPropagation();
      return app.select(source, null);
    }
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0 || bins.length === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const [first, stop] = range() ?? (step > 0 ? [-1, 0] : [bins.length, bins.length + 1]);
    const moved = clamp(step > 0 ? stop : first - 1, 0, bins.length - 1);
    if (event.shiftKey && range()) brush(Math.min(first, moved), Math.max(stop, moved + 1));
    else brush(moved, moved + 1);
  });
  react(signal, update);
  return root;
}
