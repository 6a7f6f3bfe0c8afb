import { describe, expect, test } from "vitest";
import type { Clause, Point } from "../src/clauses";
import { clauseWords, json, number } from "../src/format";
import { simplify } from "../src/lasso";
import { arrange, fit, nearest, pan, zoom } from "../src/points";
import { Tiles } from "../src/tiles";
import { binsClause } from "../src/views/histogram_bins";
import { largest } from "../src/views/histogram_categories";
import { toggled } from "../src/views/legend";

describe("a lasso", () => {
  const circle = Array.from({ length: 5000 }, (_, i): Point => {
    const angle = (i / 5000) * 2 * Math.PI;
    return [200 + 150 * Math.cos(angle), 200 + 150 * Math.sin(angle)];
  });

  test("has at most 256 vertices and keeps its shape", () => {
    const thin = simplify(circle);
    expect(thin.length).toBeLessThanOrEqual(256);
    expect(thin.length).toBeGreaterThan(20);
    for (const [x, y] of thin) expect(Math.hypot(x - 200, y - 200)).toBeCloseTo(150, 6);
  });

  test("a wild scribble is thinned as well", () => {
    const scribble = Array.from({ length: 3000 }, (_, i): Point => [
      (i * 7919) % 400,
      (i * 104729) % 300,
    ]);
    expect(simplify(scribble).length).toBeLessThanOrEqual(256);
  });

  test("a few points stay as they are", () => {
    const triangle: Point[] = [
      [0, 0],
      [10, 0],
      [5, 9],
    ];
    expect(simplify(triangle)).toEqual(triangle);
  });
});

describe("points", () => {
  const xs = Float32Array.from([0, 1, NaN, 2]);
  const ys = Float32Array.from([0, 4, 1, Infinity]);
  const plain = { name: null, mode: "light" as const, by: "nothing" as const };

  test("the window holds all that have coordinates", () => {
    const { x0, x1, y0, y1 } = fit(xs, ys);
    expect(x0 < 0 && x1 > 1 && y0 < 0 && y1 > 4).toBe(true);
    expect(fit(new Float32Array(0), new Float32Array(0))).toEqual({ x0: 0, x1: 1, y0: 0, y1: 1 });
    const same = fit(Float32Array.from([3]), Float32Array.from([0]));
    expect(same.x1 > same.x0 && same.y1 > same.y0).toBe(true);
  });

  test("those without are counted, pale ones lie beneath, selected ones on top", () => {
    const bits = Uint32Array.from([0b11, 0b00, 0b11, 0b10]);
    const combined = {
      bits,
      full: 0b11,
      bitOf: new Map([
        ["scatter", 1],
        ["grid", 2],
      ]),
    };
    const flat = new Float32Array(4);
    const result = arrange(flat, flat, plain, combined, "scatter");
    expect([...result.index]).toEqual([1, 3, 0, 2]);
    expect([result.highlighted, result.selected, result.absent]).toEqual([3, 2, 0]);
    expect(arrange(xs, ys, plain, null, "scatter").absent).toBe(2);
  });

  test("zooming keeps the place under the mouse, panning keeps the size", () => {
    const view = { x0: 0, x1: 10, y0: 0, y1: 20 };
    expect(zoom(view, 2, 0.5, 0.5)).toEqual({ x0: 2.5, x1: 7.5, y0: 5, y1: 15 });
    expect(zoom(view, 2, 0, 1)).toEqual({ x0: 0, x1: 5, y0: 10, y1: 20 });
    expect(pan(view, 0.1, -0.5)).toEqual({ x0: 1, x1: 11, y0: -10, y1: 10 });
  });

  test("the nearest point is found within reach only", () => {
    expect(nearest(xs, ys, [0.9, 3.9], [10, 10], 12)).toBe(1);
    expect(nearest(xs, ys, [0.5, 2], [10, 10], 12)).toBeNull();
  });
});

describe("clicks on bars", () => {
  const clause = (...values: string[]): Clause => ({ type: "category", column: "c", values });

  test("alone, added, taken away, cleared", () => {
    expect(toggled(undefined, "c", "a", false)).toEqual(clause("a"));
    expect(toggled(clause("a"), "c", "b", false)).toEqual(clause("b"));
    expect(toggled(clause("a"), "c", "b", true)).toEqual(clause("a", "b"));
    expect(toggled(clause("a", "b"), "c", "a", true)).toEqual(clause("b"));
    expect(toggled(clause("a", "b"), "c", "a", false)).toEqual(clause("a"));
    expect(toggled(clause("a"), "c", "a", false)).toBeNull();
    expect(toggled(clause("a"), "c", "a", true)).toBeNull();
  });

  test("a brush is closed on the left, and on both sides at the end", () => {
    expect(binsClause("c", [0, 1, 2], 0, 1)).toMatchObject({ lo: 0, hi: 1, closed: "left" });
    expect(binsClause("c", [0, 1, 2], 1, 2)).toMatchObject({ lo: 1, hi: 2, closed: "both" });
  });

  test("of many categories the largest are shown, in the order of the labels", () => {
    expect(largest(Uint32Array.from([5, 1, 9, 9, 2]), 5, 3)).toEqual([0, 2, 3]);
    expect(largest(Uint32Array.from([5, 1]), 2, 3)).toEqual([0, 1]);
  });
});

describe("thumbnails", () => {
  const bytes = new Uint8Array([1]);
  const message = (row: number) =>
    ({ row, ok: true, media: "image/png", w: 1, h: 1, data: bytes }) as const;
  const picture = (closed: string[], name: string) =>
    ({ width: 10, height: 10, close: () => closed.push(name) }) as unknown as ImageBitmap;

  test("the cache is bounded in bytes and forgets the least recently painted", async () => {
    const closed: string[] = [];
    let made = 0;
    const tiles = new Tiles(async () => picture(closed, String(made++)), 1000);
    await tiles.add(96, [message(0)]);
    await tiles.add(96, [message(1)]);
    tiles.touch([0]);
    await tiles.add(96, [message(2)]);
    expect([0, 1, 2].map((row) => tiles.has(row, 96))).toEqual([true, false, true]);
    expect([tiles.bytes, closed, [...tiles.evicted]]).toEqual([800, ["1"], [1]]);
  });

  test("what a tile cannot show is an error in words", async () => {
    const tiles = new Tiles(() => Promise.reject(new Error("no")));
    await tiles.add(96, [message(0), { row: 1, ok: false, error: "truncated JPEG" }]);
    expect(tiles.get(0)).toMatchObject({ state: "error" });
    expect(tiles.get(1)).toMatchObject({ state: "error", message: "truncated JPEG" });
    expect(tiles.has(1, 256)).toBe(true);
  });

  test("a small thumbnail that is decoded late does not replace a large one", async () => {
    const finish = new Map<number, (picture: ImageBitmap) => void>();
    let asked = 0;
    const tiles = new Tiles(() => new Promise((resolve) => finish.set(asked++, resolve)));
    const small = tiles.add(96, [message(0)]);
    const large = tiles.add(192, [message(0)]);
    finish.get(1)?.(picture([], "large"));
    await large;
    finish.get(0)?.(picture([], "small"));
    await small;
    expect(tiles.get(0)?.px).toBe(192);
  });
});

describe("words", () => {
  test("numbers are short", () => {
    expect([number(1234567), number(0.123456), number(3), number(1e-9)]).toEqual([
      "1,234,567",
      "0.123",
      "3",
      "1.00e-9",
    ]);
  });

  test("vectors are shortened", () => {
    expect(json([1, 2, 3])).toBe("[1, 2, 3]");
    expect(json(Array.from({ length: 64 }, (_, i) => i))).toBe("[0, 1, 2, 3, 4, 5, … 64 values]");
  });

  test("a clause in words", () => {
    const never = () => false;
    expect(clauseWords({ type: "category", column: "label", values: [7, null] }, never)).toEqual([
      "label",
      "7, null",
    ]);
    expect(clauseWords({ type: "rows", rows: [1] }, never)).toEqual(["picked", "1 image"]);
  });
});
