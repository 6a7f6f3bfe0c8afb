/** The scatter: pan, zoom, lasso, legend. */

import { computed, signal } from "@preact/signals-core";
import type { App } from "../app";
import type { Point } from "../clauses";
import type { NumberColumn } from "../columns";
import { h, onFrame, onResize, react } from "../dom";
import * as format from "../format";
import { icon, type IconName } from "../icons";
import { arrange, fit, type View, within, zoomWithin } from "../points";
import { axisPickers } from "./axes";
import { legendView } from "./legend";
import { PointRenderer, pointSize } from "./scatter_gl";
import { scatterGestures } from "./scatter_gestures";

export const SCATTER = "scatter";
type Coordinates = { x: NumberColumn; y: NumberColumn };

/** Whether rows of a deferred axis are still to be computed. */
function axesUnderWay({ store }: App): boolean {
  const { axes } = store;
  return [axes?.x, axes?.y].some((name) => {
    const info = store.schema.value?.columns.find((column) => column.name === name);
    if (!info?.deferred) return false;
    const known = store.counts.value?.known[info.name] ?? store.point(info.name)?.known ?? 0;
    return known < store.rows;
  });
}

export function absentWords(missing: number, underWay: boolean): string {
  if (missing === 0) return "";
  const words = `${format.plural(missing, "point has", "points have")} no coordinates`;
  return underWay ? `${words} yet` : words;
}

export function scatterView(app: App): HTMLElement {
  const { store, linked, signal: lifetime } = app;
  const canvas = h("canvas", { class: "ex-canvas", test: "scatter-canvas" });
  const outline = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "ex-lasso-drawing");
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(outline);
  const hint = h("div", { class: "ex-plot-hint", attrs: { "aria-hidden": true } });
  const tip = h("div", { class: "ex-tip", attrs: { hidden: true } });
  const absent = h("div", { class: "ex-absent" });
  const message = h("div", { class: "ex-plot-message", attrs: { hidden: true } });
  const plot = h(
    "div",
    {
      class: "ex-plot",
      attrs: { tabindex: 0, role: "application", "aria-label": "Scatter plot" },
    },
    canvas,
    drawing,
    absent,
    message,
    hint,
    tip,
  );
  const lassoing = signal(false);
  const button = (name: IconName, title: string, action: () => void, test?: string) =>
    h(
      "button",
      {
        class: "ex-icon-button",
        title,
        ...(test ? { test } : {}),
        attrs: { type: "button", "aria-label": title },
        on: { click: action },
      },
      icon(name),
    );
  const lassoButton = button(
    "lasso",
    "Lasso (or drag with Shift)",
    () => (lassoing.value = !lassoing.value),
    "lasso",
  );
  const tools = h(
    "div",
    { class: "ex-tools" },
    lassoButton,
    button("plus", "Zoom in", () => zoomBy(1.5)),
    button("minus", "Zoom out", () => zoomBy(1 / 1.5)),
    button("fit", "Show all points", () => setView(null)),
  );
  const head = h("div", { class: "ex-panel-head" }, axisPickers(app, false), tools);
  const foot = h("div", { class: "ex-scatter-foot" }, legendView(app));
  const full = h("div", { class: "ex-scatter-full" }, head, plot, foot);
  const empty = axisPickers(app, true);
  const root = h("section", { class: "ex-scatter", test: "scatter" }, full, empty);

  const coordinates = computed((): Coordinates | null => {
    const axes = store.axes;
    const x = axes ? store.point(axes.x) : undefined;
    const y = axes ? store.point(axes.y) : undefined;
    return x?.form === "numbers" && y?.form === "numbers" ? { x, y } : null;
  });
  const arrangement = computed(() => {
    const at = coordinates.value;
    if (!at) return null;
    const [xs, ys] = [at.x.numbers, at.y.numbers];
    return arrange(xs, ys, app.coloring.value, linked.combined.value, SCATTER);
  });
  const everything = computed((): View => {
    const at = coordinates.value;
    return at ? fit(at.x.numbers, at.y.numbers) : { x0: 0, x1: 1, y0: 0, y1: 1 };
  });
  /** The window the person chose, for these axes; otherwise all points are shown. */
  const chosen = signal<{ axes: string; view: View } | null>(null);
  const axesKey = computed(() => JSON.stringify(store.axes));
  const view = computed(() =>
    chosen.value?.axes === axesKey.value ? chosen.value.view : everything.value,
  );
  const lasso = computed((): Point[] | null => {
    const clause = store.clauses.value.get(SCATTER);
    const axes = store.axes;
    const mine = clause?.type === "polygon" && clause.x === axes?.x && clause.y === axes.y;
    return mine ? clause.points : null;
  });
  const drawn = signal<Point[] | null>(null);
  const missing = signal(0);

  const paintSoon = onFrame(lifetime, paint);
  const renderer = new PointRenderer(canvas, lifetime, paintSoon);
  let [width, height] = [0, 0];
  let sentPoints: Coordinates | null = null;
  let sentArrangement: unknown = null;

  function setView(next: View | null): void {
    const view = next && within(everything.value, next);
    chosen.value = view && { axes: axesKey.value, view };
  }

  function zoomBy(factor: number, fx = 0.5, fy = 0.5): void {
    setView(zoomWithin(everything.value, view.value, factor, fx, fy));
  }

  function place([x, y]: Point): Point {
    const { x0, x1, y0, y1 } = view.value;
    return [((x - x0) / (x1 - x0)) * width, ((y1 - y) / (y1 - y0)) * height];
  }

  function upload(): void {
    const [at, arranged] = [coordinates.value, arrangement.value];
    if (!at || !arranged) return;
    if (at !== sentPoints) renderer.setPoints(at.x.numbers, at.y.numbers);
    if (arranged !== sentArrangement) renderer.setArrangement(arranged);
    [sentPoints, sentArrangement] = [at, arranged];
  }

  function describe(): void {
    const arranged = arrangement.value;
    const { x0, x1, y0, y1 } = view.value;
    const facts = {
      points: arranged?.index.length ?? 0,
      highlighted: arranged?.highlighted ?? 0,
      selected: arranged?.selected ?? 0,
      absent: arranged?.absent ?? 0,
      x0,
      x1,
      y0,
      y1,
    };
    for (const [name, value] of Object.entries(facts)) canvas.dataset[name] = String(value);
    missing.value = arranged?.absent ?? 0;
    const waiting = store.axes !== null && !coordinates.value;
    message.hidden = !waiting && renderer.supported;
    message.textContent = renderer.supported
      ? "Waiting for the coordinates"
      : "This browser offers no WebGL 2, so the points cannot be drawn.";
  }

  function paint(): void {
    describe();
    if (width === 0 || height === 0) return;
    const dpr = devicePixelRatio;
    const [w, tall] = [Math.round(width * dpr), Math.round(height * dpr)];
    if (canvas.width !== w || canvas.height !== tall) {
      canvas.width = w;
      canvas.height = tall;
    }
    upload();
    const points = arrangement.value?.index.length ?? 0;
    renderer.draw(view.value, pointSize(points) * dpr);
    const polygon = drawn.value ?? lasso.value?.map(place) ?? [];
    outline.setAttribute("points", polygon.map(([x, y]) => `${x},${y}`).join(" "));
  }

  scatterGestures(app, {
    plot,
    hint,
    tip,
    lassoing,
    drawn,
    view,
    setView,
    zoomBy,
    coordinates: () => coordinates.value,
    size: () => [width, height],
    axes: () => store.axes,
  });
  react(lifetime, () => {
    absent.textContent = absentWords(missing.value, axesUnderWay(app));
  });
  onResize(plot, lifetime, (inner, tall) => {
    [width, height] = [inner, tall];
    paintSoon();
  });
  react(lifetime, () => {
    const none = store.axes === null;
    full.hidden = none;
    empty.hidden = !none;
    root.classList.toggle("ex-scatter-empty", none);
  });
  react(lifetime, () => {
    lassoButton.setAttribute("aria-pressed", String(lassoing.value));
    plot.classList.toggle("ex-lassoing", lassoing.value);
  });
  react(lifetime, () => {
    void [store.axes, coordinates.value, view.value, drawn.value, lasso.value];
    void [linked.combined.value, app.coloring.value];
    paintSoon();
  });
  return root;
}
