/** What the scatter draws: which points, in which order and colour, and through which window. */

import { type Coloring, rowColor } from "./coloring";
import type { Combined } from "./crossfilter";
import { type Rgb, UNKNOWN_COLOR } from "./palette";

/** The data coordinates at the canvas edges: left, right, bottom, top. */
export type View = { x0: number; x1: number; y0: number; y1: number };

const MARGIN = 0.05;

function padded(min: number, max: number): [number, number] {
  if (!(min <= max)) return [0, 1];
  const margin = (max - min) * MARGIN || Math.abs(max) * MARGIN || 1;
  return [min - margin, max + margin];
}

/** A window that holds all points. */
export function fit(xs: Float32Array, ys: Float32Array): View {
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < xs.length; i++) {
    const x = xs[i] as number;
    const y = ys[i] as number;
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    if (y > y1) y1 = y;
  }
  const [left, right] = padded(x0, x1);
  const [bottom, top] = padded(y0, y1);
  return { x0: left, x1: right, y0: bottom, y1: top };
}

/** The window zoomed by `factor` (> 1: nearer) around a place given as fractions of it. */
export function zoom(view: View, factor: number, fx: number, fy: number): View {
  const [w, height] = [view.x1 - view.x0, view.y1 - view.y0];
  const [x, y] = [view.x0 + w * fx, view.y0 + height * fy];
  const [w2, h2] = [w / factor, height / factor];
  const x0 = x - w2 * fx;
  const y0 = y - h2 * fy;
  return { x0, x1: x0 + w2, y0, y1: y0 + h2 };
}

/** The window moved by fractions of its size. */
export function pan(view: View, fx: number, fy: number): View {
  const dx = (view.x1 - view.x0) * fx;
  const dy = (view.y1 - view.y0) * fy;
  return { x0: view.x0 + dx, x1: view.x1 + dx, y0: view.y0 + dy, y1: view.y1 + dy };
}

/** How far one can zoom out of and into the view of all points. */
const FARTHEST = 50;
const NEAREST = 50_000;

/** `zoom` that stops where nothing could be recognised any more. */
export function zoomWithin(home: View, view: View, factor: number, fx: number, fy: number): View {
  const now = (home.x1 - home.x0) / (view.x1 - view.x0);
  const next = Math.max(1 / FARTHEST, Math.min(NEAREST, now * factor));
  return within(home, zoom(view, next / now, fx, fy));
}

/** The window with its centre moved onto the place where the points are. */
export function within(home: View, view: View): View {
  const off = (a: number, b: number, least: number, most: number) => {
    const centre = (a + b) / 2;
    return Math.max(least, Math.min(most, centre)) - centre;
  };
  const dx = off(view.x0, view.x1, home.x0, home.x1);
  const dy = off(view.y0, view.y1, home.y0, home.y1);
  return { x0: view.x0 + dx, x1: view.x1 + dx, y0: view.y0 + dy, y1: view.y1 + dy };
}

export type Arrangement = {
  /** Rows in drawing order: pale ones first, selected ones last. */
  index: Uint32Array<ArrayBuffer>;
  /** RGBA by row, not premultiplied. */
  rgba: Uint8Array<ArrayBuffer>;
  /** Points that pass the clauses of all other views, and of all views. */
  highlighted: number;
  selected: number;
  /** Rows that have no coordinates. */
  absent: number;
};

const PALE = 0;
const DIM = 1;
const FULL = 2;

function alphaFor(points: number): number {
  return points < 2_000 ? 0.92 : points < 50_000 ? 0.78 : 0.62;
}

function levels(rows: number, combined: Combined | null, own: string): Uint8Array {
  const level = new Uint8Array(rows).fill(FULL);
  if (!combined) return level;
  const { bits, full, bitOf } = combined;
  const ownBit = bitOf.get(own) ?? 0;
  for (let i = 0; i < rows; i++) {
    const passed = bits[i] as number;
    if (passed !== full) level[i] = (passed | ownBit) >>> 0 === full ? DIM : PALE;
  }
  return level;
}

export function arrange(
  xs: Float32Array,
  ys: Float32Array,
  colors: Coloring,
  combined: Combined | null,
  own: string,
): Arrangement {
  const rows = xs.length;
  const level = levels(rows, combined, own);
  const counts = [0, 0, 0];
  for (let i = 0; i < rows; i++) {
    // NaN and infinity have no place: subtracting them from themselves gives NaN.
    const offset = (xs[i] as number) - (xs[i] as number) + ((ys[i] as number) - (ys[i] as number));
    if (offset !== 0) level[i] = 255;
    else (counts[level[i] as number] as number)++;
  }
  const [pale = 0, dim = 0, full = 0] = counts;
  const next = [0, pale, pale + dim];
  const index = new Uint32Array(pale + dim + full);
  const rgba = new Uint8Array(rows * 4);
  const grey: Rgb = UNKNOWN_COLOR[colors.mode];
  const alpha = Math.round(alphaFor(index.length) * 255);
  const faint = index.length < 50_000 ? 60 : 28;
  const alphas = [faint, Math.round(alpha * 0.4), alpha];
  for (let i = 0; i < rows; i++) {
    const at = level[i] as number;
    if (at === 255) continue;
    index[(next[at] as number)++] = i;
    const color = at === PALE ? grey : rowColor(colors, i);
    rgba[i * 4] = color >> 16;
    rgba[i * 4 + 1] = (color >> 8) & 255;
    rgba[i * 4 + 2] = color & 255;
    // What has no colour yet must not hide what has one.
    const unknown = at !== PALE && color === grey && colors.by !== "nothing";
    rgba[i * 4 + 3] = (alphas[at] as number) * (unknown ? 0.5 : 1);
  }
  return { index, rgba, highlighted: dim + full, selected: full, absent: rows - index.length };
}

/** The row of the drawn point nearest to (x, y), at most `reach` pixels away; null when none. */
export function nearest(
  xs: Float32Array,
  ys: Float32Array,
  [x, y]: [number, number],
  [perX, perY]: [number, number],
  reach: number,
): number | null {
  let [best, found] = [reach * reach, -1];
  for (let i = 0; i < xs.length; i++) {
    const dx = ((xs[i] as number) - x) * perX;
    const dy = ((ys[i] as number) - y) * perY;
    const away = dx * dx + dy * dy;
    if (away < best) {
      best = away;
      found = i;
    }
  }
  return found < 0 ? null : found;
}
