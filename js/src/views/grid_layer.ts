/** The real elements over the canvas: what is clicked, focused and read aloud. */

import type { ReadonlySignal } from "@preact/signals-core";
import type { App } from "../app";
import { h, passToHost, react, setAttr } from "../dom";
import { count } from "../format";
import type { Geometry, Order } from "../order";
import { Picking } from "../picking";
import { type Caption, captionText } from "./captions";

type Options = {
  geometry(): Geometry;
  reveal(position: number): void;
  picked: ReadonlySignal<ReadonlySet<number>>;
};
type Line = { element: HTMLElement; cells: HTMLElement[] };

export function gridLayer(app: App, options: Options) {
  const { store, tiles, signal } = app;
  const element = h("div", {
    class: "ex-grid-layer",
    attrs: { role: "grid", tabindex: 0, "aria-label": "Rows", "aria-multiselectable": true },
  });
  let lines: Line[] = [];
  let columns = 0;
  let active = 0;

  function place(position: number, top: number): { x: number; y: number } {
    const { padding, pitchX, pitchY, columns: across } = options.geometry();
    const x = padding + (position % across) * pitchX;
    return { x, y: padding + Math.floor(position / across) * pitchY - top };
  }

  function cell(): HTMLElement {
    return h("div", { class: "ex-tile", test: "tile", attrs: { role: "gridcell", tabindex: -1 } });
  }

  /** Elements are made once and get another position when the grid scrolls. */
  function resize(needed: number): void {
    const across = options.geometry().columns;
    if (across !== columns) {
      element.replaceChildren();
      lines = [];
      columns = across;
    }
    while (lines.length < needed) {
      const cells = Array.from({ length: across }, cell);
      const line = h("div", { class: "ex-line", attrs: { role: "row" } }, ...cells);
      lines.push({ element: line, cells });
      element.append(line);
    }
    while (lines.length > needed) lines.pop()?.element.remove();
  }

  function words(row: number | undefined, captions: Caption[]): string {
    if (row === undefined) return "not loaded yet";
    const tile = tiles.get(row);
    const values = captions.map((caption) => `${caption.name} ${captionText(caption)}`);
    if (tile?.state === "error") values.push(tile.message);
    return [`row ${row}`, ...values].join(", ");
  }

  function state(row: number | undefined): string {
    if (row === undefined) return "loading";
    if (store.schema.value?.image == null) return "ready";
    return tiles.get(row)?.state ?? "loading";
  }

  function dress(target: HTMLElement, position: number, row: number | undefined, info: Caption[]) {
    const tile = row === undefined ? undefined : tiles.get(row);
    const picked = row !== undefined && options.picked.value.has(row);
    const errors = info.flatMap(({ name, cell: value }) =>
      value && "error" in value ? [`${name}: ${value.error}`] : [],
    );
    if (tile?.state === "error") errors.unshift(tile.message);
    target.dataset["position"] = String(position);
    setAttr(target, "data-row", row === undefined ? null : String(row));
    setAttr(target, "data-state", state(row));
    setAttr(target, "id", position === active ? "ex-active" : null);
    setAttr(target, "aria-label", words(row, info));
    setAttr(target, "aria-selected", String(picked));
    setAttr(target, "title", errors.length > 0 ? errors.join("\n") : null);
    target.classList.toggle("ex-active", position === active);
  }

  function update(
    order: Order,
    start: number,
    stop: number,
    top: number,
    captions: (row: number) => Caption[],
  ): void {
    const { columns: across, pitchX, pitchY, tile } = options.geometry();
    const first = Math.floor(start / across);
    resize(Math.ceil(stop / across) - first);
    element.setAttribute("aria-rowcount", String(Math.ceil(order.rows / across)));
    element.setAttribute("aria-colcount", String(across));
    active = Math.min(active, Math.max(0, order.rows - 1));
    setAttr(
      element,
      "aria-activedescendant",
      active >= start && active < stop ? "ex-active" : null,
    );
    lines.forEach((line, i) => {
      const { x, y } = place((first + i) * across, top);
      line.element.style.transform = `translate(${x}px, ${y}px)`;
      line.element.setAttribute("aria-rowindex", String(first + i + 1));
      line.cells.forEach((target, column) => {
        const position = (first + i) * across + column;
        target.style.cssText = `left:${column * pitchX}px;width:${tile}px;height:${pitchY - (tile < 64 ? 4 : 8)}px`;
        if (position >= stop) return target.remove();
        if (!target.parentNode) line.element.append(target);
        const row = order.at(position);
        dress(target, position, row, row === undefined ? [] : captions(row));
      });
    });
  }

  // ---- picking, opening, moving ---------------------------------------------------------

  const picking = new Picking({
    order: () => app.shown.value,
    picked: () => options.picked.value,
    pick: (rows) => {
      const sorted = [...rows].sort((a, b) => a - b);
      app.select("grid", sorted.length > 0 ? { type: "rows", rows: sorted } : null);
    },
    fetch: (epoch, start, stop, request) => app.rowsBetween(epoch, start, stop, request),
  });
  signal.addEventListener("abort", () => picking.stop(), { once: true });

  function move(position: number): void {
    active = Math.max(0, Math.min(position, app.shown.value.rows - 1));
    options.reveal(active);
  }

  function positionOf(event: Event): number | null {
    const target = event.target instanceof Element ? event.target.closest(".ex-tile") : null;
    const position = target instanceof HTMLElement ? target.dataset["position"] : undefined;
    return position === undefined ? null : Number(position);
  }

  const lastRow = () => app.shown.value.rows - 1;
  const keys: Record<string, (across: number, screen: number) => void> = {
    ArrowRight: () => move(active + 1),
    ArrowLeft: () => move(active - 1),
    ArrowDown: (across) => move(Math.min(active + across, lastRow())),
    ArrowUp: (across) => move(active - across >= 0 ? active - across : active),
    PageDown: (across, screen) => move(active + across * screen),
    PageUp: (across, screen) => move(active - across * screen),
    Home: () => move(0),
    End: () => move(lastRow()),
    Enter: () => (app.detail.value = active),
    " ": () => picking.toggle(active),
  };
  const isMove = (key: string) => /^(Arrow|Page|Home|End)/.test(key);

  element.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!action || event.altKey || event.metaKey) return;
    // Shift+Enter and Ctrl+Enter run the cell.
    if (event.key === "Enter" && (event.shiftKey || event.ctrlKey)) return passToHost(element);
    event.preventDefault();
    event.stopPropagation();
    const { columns: across, viewport, pitchY } = options.geometry();
    const before = active;
    action(across, Math.max(1, Math.floor(viewport / pitchY)));
    if (!isMove(event.key)) return;
    if (event.shiftKey) void picking.extendFrom(before, active);
    else picking.end();
  });
  element.addEventListener("focusin", (event) => {
    const position = positionOf(event);
    if (position === null) return;
    active = position;
    element.focus({ preventScroll: true });
    options.reveal(active);
  });
  element.addEventListener("click", (event) => {
    const position = positionOf(event);
    if (position === null) return;
    active = position;
    if (event.shiftKey) void picking.extend(position);
    else if (event.ctrlKey || event.metaKey) picking.toggle(position);
    else app.detail.value = position;
  });
  let epoch = app.shown.value.epoch;
  react(signal, () => {
    if (app.shown.value.epoch === epoch) return;
    epoch = app.shown.value.epoch;
    active = 0;
    picking.reset();
  });
  react(signal, () => {
    const position = app.detail.value;
    if (position !== null) active = position;
  });
  react(signal, () => {
    element.setAttribute("aria-description", `${count(app.shown.value.rows)} rows`);
  });
  return { element, place, update };
}
