/** Mouse, wheel and keys over the scatter. */

import type { ReadonlySignal, Signal } from "@preact/signals-core";
import type { App } from "../app";
import type { Point } from "../clauses";
import type { NumberColumn } from "../columns";
import { clamp, onFrame } from "../dom";
import * as format from "../format";
import { simplify } from "../lasso";
import { nearest, pan, type View } from "../points";
import type { Axes } from "../protocol";
import { SCATTER } from "./scatter";

type Options = {
  plot: HTMLElement;
  hint: HTMLElement;
  tip: HTMLElement;
  lassoing: Signal<boolean>;
  /** The lasso while it is drawn, in pixels of the plot. */
  drawn: Signal<Point[] | null>;
  view: ReadonlySignal<View>;
  setView(view: View | null): void;
  zoomBy(factor: number, fx?: number, fy?: number): void;
  coordinates(): { x: NumberColumn; y: NumberColumn } | null;
  size(): [width: number, height: number];
  axes(): Axes | null;
};

/** A press that moves less than this many pixels is a click. */
const CLICK = 4;
const REACH = 12;

export function scatterGestures(app: App, options: Options): void {
  const { plot, hint, tip, lassoing, drawn, view, setView, zoomBy } = options;
  const { signal } = app;
  let drag: { at: Point; view: View; moved: boolean } | null = null;
  let pointer: Point | null = null;
  let cancelHint = () => {};
  const hoverSoon = onFrame(signal, hover);
  signal.addEventListener("abort", () => cancelHint(), { once: true });

  function at(event: MouseEvent): Point {
    const box = plot.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  function toData([x, y]: Point): Point {
    const [width, height] = options.size();
    const { x0, x1, y0, y1 } = view.value;
    return [x0 + (x / width) * (x1 - x0), y1 - (y / height) * (y1 - y0)];
  }

  function finishLasso(points: Point[]): void {
    const axes = options.axes();
    drawn.value = null;
    if (!axes) return;
    const polygon = points.length > 2 ? simplify(points) : [];
    if (polygon.length < 3) return app.select(SCATTER, null);
    app.select(SCATTER, { type: "polygon", ...axes, points: polygon.map(toData) });
  }

  function showHint(words: string): void {
    hint.textContent = words;
    hint.classList.add("ex-shown");
    cancelHint();
    cancelHint = app.clock.after(1600, () => hint.classList.remove("ex-shown"));
  }

  /** The point under the mouse in words. */
  function hover(): void {
    const coordinates = options.coordinates();
    if (!pointer || !coordinates || drag) {
      tip.hidden = true;
      return;
    }
    const [width, height] = options.size();
    const { x0, x1, y0, y1 } = view.value;
    const scale: Point = [width / (x1 - x0), height / (y1 - y0)];
    const [xs, ys] = [coordinates.x.numbers, coordinates.y.numbers];
    const row = nearest(xs, ys, toData(pointer), scale, REACH);
    tip.hidden = row === null;
    if (row === null) return;
    tip.textContent = describe(row);
    const left = ((xs[row] as number) - x0) * scale[0];
    const top = (y1 - (ys[row] as number)) * scale[1];
    tip.style.left = `${clamp(left, 40, Math.max(40, width - 40))}px`;
    tip.style.top = `${top < 40 ? top + 30 : top - 8}px`;
  }

  function describe(row: number): string {
    const colors = app.coloring.value;
    const parts = [`row ${format.count(row)}`];
    if (colors.by === "category") {
      const label = colors.labels[colors.codes[row] as number];
      if (label !== undefined) parts.push(`${colors.name} ${format.scalar(label)}`);
    } else if (colors.by === "number") {
      const value = colors.numbers[row] as number;
      if (value === value) parts.push(`${colors.name} ${format.number(value)}`);
    }
    return parts.join(" · ");
  }

  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    plot.focus({ preventScroll: true });
    plot.setPointerCapture(event.pointerId);
    const start = at(event);
    drag = { at: start, view: view.value, moved: false };
    if (lassoing.value || event.shiftKey) drawn.value = [start];
    hoverSoon();
  });
  plot.addEventListener("pointermove", (event) => {
    const now = at(event);
    pointer = now;
    if (!drag) return hoverSoon();
    if (Math.hypot(now[0] - drag.at[0], now[1] - drag.at[1]) >= CLICK) drag.moved = true;
    if (drawn.value) {
      drawn.value = [...drawn.value, now];
    } else if (drag.moved) {
      const [width, height] = options.size();
      const dx = (drag.at[0] - now[0]) / width;
      setView(pan(drag.view, dx, (now[1] - drag.at[1]) / height));
    }
  });
  plot.addEventListener("pointerup", () => {
    if (drawn.value) finishLasso(drag?.moved ? drawn.value : []);
    drag = null;
  });
  plot.addEventListener("pointercancel", () => {
    drawn.value = null;
    drag = null;
  });
  plot.addEventListener("pointerleave", () => {
    pointer = null;
    hoverSoon();
  });
  plot.addEventListener("dblclick", () => {
    if (!lassoing.value) setView(null);
  });
  plot.addEventListener(
    "wheel",
    (event) => {
      const root = plot.getRootNode() as Document | ShadowRoot;
      // Scrolling a notebook past the plot must not zoom it by surprise.
      if (!event.ctrlKey && !event.metaKey && root.activeElement !== plot) {
        showHint("Click the plot, or hold Ctrl, to zoom with the wheel");
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      const [width, height] = options.size();
      const [x, y] = at(event);
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const factor = Math.exp(clamp(-event.deltaY * lines, -200, 200) * 0.0025);
      zoomBy(factor, x / width, 1 - y / height);
    },
    { passive: false },
  );
  const keys: Record<string, () => void> = {
    "+": () => zoomBy(1.3),
    "=": () => zoomBy(1.3),
    "-": () => zoomBy(1 / 1.3),
    "0": () => setView(null),
    ArrowLeft: () => setView(pan(view.value, -0.1, 0)),
    ArrowRight: () => setView(pan(view.value, 0.1, 0)),
    ArrowUp: () => setView(pan(view.value, 0, 0.1)),
    ArrowDown: () => setView(pan(view.value, 0, -0.1)),
    l: () => (lassoing.value = !lassoing.value),
    Escape: () => {
      if (drawn.value) drawn.value = null;
      else lassoing.value = false;
    },
  };
  plot.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });
}
