/** A drawn line made into a polygon of few vertices. */

import { MAX_VERTICES, type Point } from "./clauses";

function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/** Douglas and Peucker: leaves out what is closer than `tolerance` to the line that remains. */
function thin(points: readonly Point[], tolerance: number): Point[] {
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const open: [number, number][] = [[0, points.length - 1]];
  for (let span = open.pop(); span; span = open.pop()) {
    const [from, to] = span;
    let [worst, at] = [tolerance, -1];
    for (let i = from + 1; i < to; i++) {
      const off = distance(points[i] as Point, points[from] as Point, points[to] as Point);
      if (off > worst) [worst, at] = [off, i];
    }
    if (at < 0) continue;
    keep[at] = 1;
    open.push([from, at], [at, to]);
  }
  return points.filter((_, i) => keep[i] === 1);
}

/** At most `most` vertices; the tolerance (in the unit of the points, pixels) grows as needed. */
export function simplify(points: readonly Point[], most = MAX_VERTICES): Point[] {
  let result = thin(points, 0.5);
  for (let tolerance = 1; result.length > most; tolerance *= 1.6) result = thin(points, tolerance);
  const [first, last] = [result[0], result.at(-1)];
  // The polygon closes by itself: a line that ends where it began needs that point once.
  const closed = result.length > 1 && first?.[0] === last?.[0] && first?.[1] === last?.[1];
  return closed ? result.slice(0, -1) : result;
}
