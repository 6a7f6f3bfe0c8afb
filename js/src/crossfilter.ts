/**
 * Clauses over typed arrays. Each clause becomes one byte a row (1 = passes); all of them
 * together one bit a source, so that "all clauses but my own" is a single comparison.
 */

import type { Clause, IntervalClause, Point, PolygonClause, Scalar } from "./clauses";
import { type CodeColumn, type Column, NULL_BIN } from "./columns";
import type { Bytes } from "./bytes";

export type Mask = Uint8Array<ArrayBuffer>;

/** What clauses are evaluated over. `find` gives nothing for a column that has not arrived. */
export type Columns = {
  rows: number;
  facet(name: string): Column | undefined;
  point(name: string): Column | undefined;
  mask(source: string, version: number): Bytes | undefined;
};

/** A table from code to 0 or 1, the same for each row of a column. */
function byCode(codes: Uint16Array, allowed: Uint8Array): Mask {
  const mask = new Uint8Array(codes.length);
  for (let i = 0; i < codes.length; i++) mask[i] = allowed[codes[i] as number] as number;
  return mask;
}

function categoryMask(column: CodeColumn, values: readonly Scalar[]): Mask | null {
  if (column.meta.type !== "category") return null;
  const wanted = new Set(values);
  const allowed = new Uint8Array(65536);
  column.meta.labels.forEach((label, code) => {
    if (wanted.has(label)) allowed[code] = 1;
  });
  return byCode(column.codes, allowed);
}

/**
 * The bins [first, stop) that an interval takes in whole, or null when it cuts through one.
 * Bins are closed on the left, the last one on both sides.
 */
export function wholeBins(
  edges: readonly number[],
  clause: Pick<IntervalClause, "lo" | "hi" | "closed">,
): [first: number, stop: number] | null {
  const first = edges.indexOf(clause.lo);
  const stop = edges.lastIndexOf(clause.hi);
  const last = edges.length - 1;
  if (first < 0 || stop < 0 || stop < first) return null;
  return (clause.closed === "both") === (stop === last) ? [first, stop] : null;
}

function binsMask(column: CodeColumn, clause: IntervalClause, exact: boolean): Mask | null {
  if (column.meta.type !== "bins") return null;
  const { edges } = column.meta;
  const whole = wholeBins(edges, clause);
  if (exact && !whole) return null;
  const allowed = new Uint8Array(65536);
  for (let bin = 0; bin < edges.length - 1; bin++) {
    const middle = ((edges[bin] as number) + (edges[bin + 1] as number)) / 2;
    const inside = whole
      ? bin >= whole[0] && bin < whole[1]
      : middle >= clause.lo && middle <= clause.hi;
    if (inside && bin < NULL_BIN) allowed[bin] = 1;
  }
  return byCode(column.codes, allowed);
}

function numbersMask(numbers: Float32Array, { lo, hi, closed }: IntervalClause): Mask {
  const mask = new Uint8Array(numbers.length);
  const both = closed === "both";
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number;
    if (value >= lo && (both ? value <= hi : value < hi)) mask[i] = 1;
  }
  return mask;
}

/** Exact whole bins first, then the values themselves, then bins by their middle. */
function intervalMask(clause: IntervalClause, columns: Columns): Mask | null {
  const facet = columns.facet(clause.column);
  const point = columns.point(clause.column);
  const exact = facet?.form === "codes" ? binsMask(facet, clause, true) : null;
  if (exact) return exact;
  if (point?.form === "numbers") return numbersMask(point.numbers, clause);
  return facet?.form === "codes" ? binsMask(facet, clause, false) : null;
}

const SLABS = 64;

/** The edges of a polygon sorted into horizontal slabs: a point meets only those of its own. */
function slabs(points: readonly Point[], y0: number, y1: number): Float64Array[] {
  const lists: number[][] = Array.from({ length: SLABS }, () => []);
  const scale = SLABS / (y1 - y0);
  points.forEach(([ax, ay], i) => {
    const [bx, by] = points[(i + 1) % points.length] as Point;
    const from = Math.floor((Math.min(ay, by) - y0) * scale) - 1;
    const to = Math.floor((Math.max(ay, by) - y0) * scale) + 1;
    for (let s = Math.max(0, from); s <= Math.min(SLABS - 1, to); s++) {
      lists[s]?.push(ax, ay, bx, by);
    }
  });
  return lists.map((list) => Float64Array.from(list));
}

/** Even-odd rule over float32 coordinates read as doubles; NaN is never inside. */
export function polygonMask(
  xs: Float32Array,
  ys: Float32Array,
  points: PolygonClause["points"],
): Mask {
  const mask = new Uint8Array(xs.length);
  const px = points.map(([x]) => x);
  const py = points.map(([, y]) => y);
  const [x0, x1] = [Math.min(...px), Math.max(...px)];
  const [y0, y1] = [Math.min(...py), Math.max(...py)];
  if (points.length < 3 || !(y1 > y0)) return mask;
  // The crossing of an edge may be rounded past its ends: only clear cases are left out early.
  const margin = 1e-9 * Math.max(Math.abs(x0), Math.abs(x1));
  const [left, right] = [x0 - margin, x1 + margin];
  const bySlab = slabs(points, y0, y1);
  const scale = SLABS / (y1 - y0);
  for (let i = 0; i < xs.length; i++) {
    const x = xs[i] as number;
    const y = ys[i] as number;
    if (!(x >= left && x <= right && y >= y0 && y < y1)) continue;
    const edges = bySlab[Math.min(SLABS - 1, Math.floor((y - y0) * scale))] as Float64Array;
    let inside = 0;
    for (let e = 0; e < edges.length; e += 4) {
      const ay = edges[e + 1] as number;
      const by = edges[e + 3] as number;
      if (ay > y === by > y) continue;
      const ax = edges[e] as number;
      if (x < (((edges[e + 2] as number) - ax) * (y - ay)) / (by - ay) + ax) inside ^= 1;
    }
    mask[i] = inside;
  }
  return mask;
}

function unpack(bits: Bytes, rows: number): Mask {
  const mask = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) mask[i] = ((bits[i >> 3] as number) >> (i & 7)) & 1;
  return mask;
}

/** One byte a row, or null while what the clause needs has not arrived. */
export function evaluate(source: string, clause: Clause, columns: Columns): Mask | null {
  switch (clause.type) {
    case "category": {
      const column = columns.facet(clause.column);
      return column?.form === "codes" ? categoryMask(column, clause.values) : null;
    }
    case "interval":
      return intervalMask(clause, columns);
    case "polygon": {
      const [x, y] = [columns.point(clause.x), columns.point(clause.y)];
      if (x?.form !== "numbers" || y?.form !== "numbers") return null;
      return polygonMask(x.numbers, y.numbers, clause.points);
    }
    case "rows": {
      const mask = new Uint8Array(columns.rows);
      for (const row of clause.rows) if (row < columns.rows) mask[row] = 1;
      return mask;
    }
    case "mask": {
      const bits = columns.mask(source, clause.version);
      return bits ? unpack(bits, columns.rows) : null;
    }
  }
}

/** One bit a source; a row passes everything when its bits equal `full`. */
export type Combined = { bits: Uint32Array; full: number; bitOf: ReadonlyMap<string, number> };

/** Sources without a mask yet filter nothing. The 32nd source and later ones share a bit. */
export function combine(masks: ReadonlyMap<string, Mask | null>, rows: number): Combined {
  const bits = new Uint32Array(rows);
  const bitOf = new Map<string, number>();
  let full = 0;
  for (const [source, mask] of masks) {
    if (!mask) continue;
    const bit = (1 << Math.min(bitOf.size, 31)) >>> 0;
    const first = (full & bit) === 0;
    bitOf.set(source, bit);
    full = (full | bit) >>> 0;
    for (let i = 0; i < rows; i++) {
      if (mask[i] === 0) (bits[i] as number) &= ~bit;
      else if (first) (bits[i] as number) |= bit;
    }
  }
  return { bits, full, bitOf };
}

/** How many rows pass all clauses. */
export function countAll({ bits, full }: Combined): number {
  let count = 0;
  for (let i = 0; i < bits.length; i++) if (bits[i] === full) count++;
  return count;
}

/** Rows for each code, of those that pass all clauses but that of `own`. */
export function countCodes(
  codes: Uint16Array,
  combined: Combined | null,
  own: string,
): Uint32Array {
  const counts = new Uint32Array(65536);
  if (!combined) {
    for (let i = 0; i < codes.length; i++) (counts[codes[i] as number] as number)++;
    return counts;
  }
  const { bits, full } = combined;
  const ownBit = combined.bitOf.get(own) ?? 0;
  for (let i = 0; i < codes.length; i++) {
    if (((bits[i] as number) | ownBit) >>> 0 === full) (counts[codes[i] as number] as number)++;
  }
  return counts;
}
