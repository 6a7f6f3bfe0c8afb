import { describe, expect, test } from "vitest";
import type { Clause, Point } from "../src/clauses";
import { Fields } from "../src/fields";
import { brief, clauseWords, json, number } from "../src/format";
import { simplify } from "../src/lasso";
import { arrange, fit, nearest, pan, within, zoom, zoomWithin } from "../src/points";
import { Tiles } from "../src/tiles";
import { cardLines, fitted, valueSegment } from "../src/views/captions";
import { readValues, type Value, valueWords } from "../src/views/detail_values";
import { binsClause } from "../src/views/histogram_bins";
import { largest } from "../src/views/histogram_categories";
import { INK } from "../src/views/ink";
import { toggled } from "../src/views/legend";
import { absentWords } from "../src/views/scatter";
import { kernelWords } from "../src/views/status";

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

  test("zooming ends where nothing could be recognised any more", () => {
    const home = { x0: 0, x1: 10, y0: -5, y1: 5 };
    const width = ({ x0, x1 }: typeof home) => x1 - x0;
    let view = home;
    for (let i = 0; i < 200; i++) view = zoomWithin(home, view, 1.5, 0.9, 0.1);
    expect(width(view)).toBeCloseTo(10 / 50_000);
    const nearest = view;
    expect(zoomWithin(home, view, 1.5, 0.9, 0.1).x0).toBeCloseTo(nearest.x0, 9);
    for (let i = 0; i < 200; i++) view = zoomWithin(home, view, 1 / 1.5, 0.9, 0.1);
    expect(width(view)).toBeCloseTo(500);
  });

  test("the points cannot be lost by panning", () => {
    const home = { x0: 0, x1: 10, y0: -5, y1: 5 };
    const { x0, x1, y0, y1 } = within(home, { x0: 1000, x1: 1002, y0: -90, y1: -88 });
    expect([(x0 + x1) / 2, (y0 + y1) / 2]).toEqual([10, -5]);
    expect([x1 - x0, y1 - y0]).toEqual([2, 2]);
    expect(within(home, home)).toEqual(home);
  });

  test("points without coordinates are not promised any", () => {
    expect(absentWords(0, true)).toBe("");
    expect(absentWords(4, false)).toBe("4 points have no coordinates");
    expect(absentWords(1, true)).toBe("1 point has no coordinates yet");
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

  test("a vector that was cut says how long it is", () => {
    const values = Array.from({ length: 8 }, (_, i) => i);
    expect(json(values, 200, 4096)).toBe("[0, 1, 2, 3, 4, 5, … 4,096 values]");
    const [value] = readValues(
      new Fields("detail", {
        values: [{ column: "v", dtype: "List", value: values, length: 4096 }],
      }),
    );
    expect(valueWords(value as Value)).toContain("4,096 values");
  });

  test("a number that has no room is written shorter, not cut", () => {
    expect([brief(1e12), brief(-1e12), brief(2 ** 60), brief(12), brief(0.446)]).toEqual([
      "1e+12",
      "-1e+12",
      "1.15e+18",
      "12",
      "0.446",
    ]);
  });

  test("text from right to left keeps the ellipsis at its end", () => {
    const measure = (text: string) => text.replace(/[\u2068\u2069]/g, "").length;
    expect(fitted(measure, "abcdef", 4)).toEqual(["abc…", false]);
    expect(fitted(measure, "abcdef", 6)).toEqual(["abcdef", true]);
    expect(fitted(measure, "שלום עולם", 5)).toEqual(["\u2068שלום\u2069…", false]);
    expect(fitted(measure, "שלום", 5)).toEqual(["\u2068שלום\u2069", true]);
    expect(fitted(measure, "😀😀😀", 4)).toEqual(["😀…", false]);
  });

  test("the missing value is not drawn like the text null", () => {
    const [missing, text] = [null, "null"].map((value) =>
      valueSegment({ name: "a", cell: { value } }, INK.light),
    );
    expect(missing).toMatchObject({ text: "null", italic: true, color: INK.light.muted });
    expect(text).toEqual({ text: "null", color: INK.light.text });
  });

  test("a row without a picture shows whole captions, as many as fit", () => {
    const captions = ["a", "b", "c"].map((name, i) => ({ name, cell: { value: i } }));
    const words = (side: number) =>
      cardLines(captions, side, INK.light).map((line) => line.map(({ text }) => text).join(""));
    expect(words(160)).toEqual(["a", "0", "b", "1", "c", "2"]);
    expect(words(96)).toEqual(["a 0", "b 1", "c 2"]);
    expect(words(48)).toEqual(["0", "1"]);
  });

  test("of the kernel only what is known is said", () => {
    const resting = { busy: false, message: null, jobs: [] };
    const working = { ...resting, busy: true };
    expect(kernelWords(false, false, false, resting)).toBe("");
    expect(kernelWords(false, false, false, working)).toBe("working");
    expect(kernelWords(false, false, true, working)).toBe("working");
    expect(kernelWords(false, false, true, resting)).toBe("kernel busy");
    expect(kernelWords(false, true, true, working)).toBe("kernel busy");
    expect(kernelWords(true, true, true, working)).toBe("no kernel");
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
