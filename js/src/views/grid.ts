/** The thumbnail grid: one canvas, a scaled scrollbar, and real elements for focus and reading. */

import { batch, computed } from "@preact/signals-core";
import type { App } from "../app";
import { rowColor } from "../coloring";
import { h, onFrame, onResize, react } from "../dom";
import {
  aheadRange,
  barFor,
  type Geometry,
  gridGeometry,
  type Order,
  reveal,
  type Scroll,
  scrolled,
  spacerHeight,
  thumbnailSide,
  visibleRange,
} from "../order";
import { css } from "../palette";
import { type Caption, captionHeight } from "./captions";
import { paintTile } from "./grid_paint";
import { gridLayer } from "./grid_layer";
import { emptyState } from "./empty";
import { INK } from "./ink";

/** After this long (milliseconds) without scrolling the scaled scrollbar is set straight. */
const SETTLE = 150;

export function gridView(app: App): HTMLElement {
  const { store, tiles, signal } = app;
  const canvas = h("canvas", { class: "ex-canvas", attrs: { "aria-hidden": true } });
  const sticky = h("div", { class: "ex-grid-window" }, canvas);
  const spacer = h("div", { class: "ex-grid-spacer" }, sticky);
  const scroller = h("div", { class: "ex-scroller", test: "scroller" }, spacer);
  const empty = emptyState(app);
  const root = h("section", { class: "ex-grid", test: "grid" }, scroller, empty);
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;

  let [width, viewport] = [0, 0];
  let scroll: Scroll = { top: 0, bar: 0 };
  let direction: 1 | -1 = 1;
  let geometry = measure(app.shown.value);
  let cancelSettle = () => {};
  const picked = computed(() => {
    const clause = store.clauses.value.get("grid");
    return new Set(clause?.type === "rows" ? clause.rows : []);
  });
  const side = computed(() => store.layout.value.tile ?? store.schema.value?.layout.tile ?? 96);
  const paintSoon = onFrame(signal, paint);
  const layer = gridLayer(app, {
    geometry: () => geometry,
    reveal: (position) => scrollTo(reveal(geometry, scroll.top, position)),
    picked,
  });
  sticky.append(layer.element);

  function measure(order: Order): Geometry {
    const tile = store.layout.value.tile ?? store.schema.value?.layout.tile ?? 96;
    const pictured = store.schema.value?.image != null;
    const captions = pictured ? captionHeight(store.captions.length, tile) : 0;
    return gridGeometry({ width, viewport, tile, captionHeight: captions, count: order.rows });
  }

  function scrollTo(top: number): void {
    const content = Math.max(0, geometry.height - geometry.viewport);
    const clamped = Math.max(0, Math.min(top, content));
    scroller.scrollTop = barFor(geometry, clamped);
    scroll = { top: clamped, bar: scroller.scrollTop };
    paintSoon();
  }

  /** Lays everything out anew and keeps the first tile on screen where it is. */
  function layout(): void {
    // Out of the page (a notebook detaches cells that scrolled away) there is no size: keep the place.
    if (width === 0 || viewport === 0) return;
    const [first] = visibleRange(geometry, scroll.top, app.shown.value.rows);
    const line = geometry.padding + Math.floor(first / geometry.columns) * geometry.pitchY;
    const beyond = scroll.top - line;
    const before = geometry;
    geometry = measure(app.shown.value);
    sticky.style.height = `${viewport}px`;
    spacer.style.height = `${spacerHeight(geometry)}px`;
    const y = geometry.padding + Math.floor(first / geometry.columns) * geometry.pitchY;
    const same = before.columns === geometry.columns && before.pitchY === geometry.pitchY;
    scrollTo(scroll.top <= 0 ? 0 : same ? scroll.top : y + Math.min(0, beyond));
  }

  /** Takes the newest order once its first screen is known; until then the old one is painted. */
  function adopt(): void {
    const [shown, next] = [app.shown.value, store.order.value];
    if (shown === next) return;
    const [, stop] = visibleRange(measure(next), 0, next.rows);
    if (shown.rows > 0 && viewport > 0 && !next.covers(0, stop)) return;
    show(next);
  }

  function show(next: Order): void {
    const same = app.shown.value.epoch === next.epoch;
    batch(() => {
      app.shown.value = next;
      if (!same) app.detail.value = null;
    });
    if (!same) scroll = { top: 0, bar: 0 };
    layout();
  }

  /** What the kernel is told: the screen of the newest order, even while the old one is seen. */
  function declare(): void {
    const next = store.order.value;
    if (viewport === 0 || width === 0 || !store.epoch.value) return;
    const waiting = next !== app.shown.value;
    const [target, top] = waiting ? [measure(next), 0] : [geometry, scroll.top];
    const range = visibleRange(target, top, next.rows);
    app.viewport.declare({
      epoch: next.epoch,
      start: range[0],
      stop: range[1],
      ahead: aheadRange(range, waiting ? 1 : direction, next.rows),
      px: thumbnailSide(geometry.tile, devicePixelRatio),
      columns: store.captions,
    });
    app.viewport.check();
  }

  function captions(row: number): Caption[] {
    return store.captions.map((name) => ({ name, cell: store.cell(row, name) }));
  }

  function paint(): void {
    adopt();
    declare();
    if (width === 0 || viewport === 0) return;
    const dpr = devicePixelRatio;
    const [w, height] = [Math.round(width * dpr), Math.round(viewport * dpr)];
    if (canvas.width !== w || canvas.height !== height) {
      canvas.width = w;
      canvas.height = height;
    }
    context.setTransform(dpr, 0, 0, dpr, 0, 0);
    context.clearRect(0, 0, width, viewport);
    const order = app.shown.value;
    const ink = INK[app.theme.value];
    const colors = app.coloring.value;
    const pictured = store.schema.value?.image != null;
    const [start, stop] = visibleRange(geometry, scroll.top, order.rows);
    const rows: number[] = [];
    for (let position = start; position < stop; position++) {
      const row = order.at(position);
      const at = layer.place(position, scroll.top);
      // On whole device pixels: everything else is blurred.
      const [x, y] = [Math.round(at.x * dpr) / dpr, Math.round(at.y * dpr) / dpr];
      if (row !== undefined) rows.push(row);
      paintTile(
        context,
        {
          x,
          y,
          side: geometry.tile,
          tile: row === undefined ? undefined : tiles.get(row),
          captions: row === undefined ? [] : captions(row),
          strip: row === undefined || colors.by === "nothing" ? null : css(rowColor(colors, row)),
          picked: row !== undefined && picked.value.has(row),
          pictured,
        },
        ink,
      );
    }
    tiles.touch(rows);
    layer.update(order, start, stop, scroll.top, captions);
    settle(rows.length === stop - start, rows);
  }

  /** Tests, and people who wait, can see when nothing more will change by itself. */
  function settle(ordered: boolean, rows: number[]): void {
    const px = thumbnailSide(geometry.tile, devicePixelRatio);
    const pictured = store.schema.value?.image != null;
    const complete = rows.every((row) => {
      const tile = tiles.get(row);
      const drawn = !pictured || (tile && (tile.state === "error" || tile.px >= px));
      return drawn && store.captions.every((name) => store.cell(row, name));
    });
    const done = ordered && complete && app.shown.value === store.order.value;
    app.complete.value = done && store.epoch.value !== null;
  }

  scroller.addEventListener(
    "scroll",
    () => {
      const bar = scroller.scrollTop;
      if (bar === scroll.bar || viewport === 0) return;
      if (app.shown.value !== store.order.value) show(store.order.value);
      const next = scrolled(geometry, scroll, bar);
      if (next.top !== scroll.top) direction = next.top > scroll.top ? 1 : -1;
      scroll = next;
      cancelSettle();
      cancelSettle = app.clock.after(SETTLE, () => {
        const straight = barFor(geometry, scroll.top);
        if (Math.abs(straight - scroller.scrollTop) < 1) return;
        scroller.scrollTop = straight;
        scroll = { top: scroll.top, bar: scroller.scrollTop };
      });
      paintSoon();
    },
    { signal, passive: true },
  );
  scroller.addEventListener(
    "wheel",
    (event) => {
      const end = geometry.height - geometry.viewport;
      // VS Code scrolls the notebook as well unless it is kept from seeing this.
      if (event.deltaY < 0 ? scroll.top > 0 : scroll.top < end - 1) event.stopPropagation();
    },
    { signal, passive: true },
  );
  signal.addEventListener("abort", () => cancelSettle(), { once: true });
  onResize(root, signal, (_, height) => {
    viewport = height;
    layout();
  });
  onResize(sticky, signal, (inner) => {
    width = inner;
    layout();
  });
  react(signal, () => {
    void [side.value, store.captions, app.shown.value, store.schema.value?.image];
    layout();
  });
  react(signal, () => {
    const { order, orderRevision, cellsRevision, epoch } = store;
    void [order.value, orderRevision.value, cellsRevision.value, epoch.value];
    void [tiles.revision.value, app.coloring.value, app.theme.value, picked.value];
    paintSoon();
  });
  react(signal, () => {
    const position = app.detail.value;
    if (position !== null) scrollTo(reveal(geometry, scroll.top, position));
  });
  return root;
}
