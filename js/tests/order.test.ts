import { describe, expect, test } from "vitest";
import {
  aheadRange,
  barFor,
  gridGeometry,
  MAX_SPACER,
  Order,
  reveal,
  type Scroll,
  scrolled,
  spacerHeight,
  thumbnailSide,
  visibleRange,
} from "../src/order";

const options = { width: 600, viewport: 500, tile: 96, captionHeight: 36, count: 899 };
const MANY = 10_000_000;

describe("the order", () => {
  test("positions are unknown until their rows come", () => {
    const order = new Order(1, 5000);
    order.write(1020, Uint32Array.from([7, 8, 9, 10, 11, 12]));
    expect([order.at(1019), order.at(1020), order.at(1025), order.at(1026)]).toEqual([
      undefined,
      7,
      12,
      undefined,
    ]);
    expect(order.covers(1020, 1026)).toBe(true);
    expect(order.covers(1019, 1021)).toBe(false);
  });

  test("rows beyond the end are passed over", () => {
    const order = new Order(1, 2);
    order.write(0, Uint32Array.from([4, 5, 6]));
    expect(order.at(2)).toBeUndefined();
    expect(order.covers(0, 99)).toBe(true);
  });
});

describe("the geometry", () => {
  test("columns fill the width from edge to edge", () => {
    const { columns, pitchX, padding, tile } = gridGeometry(options);
    expect(columns).toBe(5);
    expect(padding + (columns - 1) * pitchX + tile).toBeCloseTo(600 - padding);
  });

  test("a width of nothing still has a column", () => {
    expect(gridGeometry({ ...options, width: 0 }).columns).toBe(1);
  });

  test("what is on screen at the top and at the end", () => {
    const geometry = gridGeometry(options);
    expect(visibleRange(geometry, 0, 899)).toEqual([0, 20]);
    const [start, stop] = visibleRange(geometry, geometry.height - 500, 899);
    expect(stop).toBe(899);
    expect(start).toBeLessThan(899 - 14);
  });

  test("an empty grid shows nothing", () => {
    const geometry = gridGeometry({ ...options, count: 0 });
    expect(visibleRange(geometry, 0, 0)).toEqual([0, 0]);
    expect(geometry.height).toBe(0);
  });

  test("ahead is one screen in the direction of the scroll, inside the table", () => {
    expect(aheadRange([40, 60], 1, 899)).toEqual([60, 80]);
    expect(aheadRange([40, 60], -1, 899)).toEqual([20, 40]);
    expect(aheadRange([880, 899], 1, 899)).toEqual([899, 899]);
    expect(aheadRange([0, 20], -1, 899)).toEqual([0, 0]);
  });

  test("revealing moves no further than needed", () => {
    const geometry = gridGeometry(options);
    expect(reveal(geometry, 0, 3)).toBe(0);
    const down = reveal(geometry, 0, 30);
    const [start, stop] = visibleRange(geometry, down, 899);
    expect(start <= 30 && 30 < stop).toBe(true);
    expect(reveal(geometry, down, 30)).toBe(down);
    expect(reveal(geometry, down, 0)).toBe(6);
  });
});

describe("the scaled scrollbar", () => {
  const geometry = gridGeometry({ ...options, count: MANY });
  const content = geometry.height - geometry.viewport;
  const range = spacerHeight(geometry) - geometry.viewport;

  test("the spacer stays small", () => {
    expect(geometry.height).toBeGreaterThan(MAX_SPACER * 30);
    expect(spacerHeight(geometry)).toBe(MAX_SPACER);
  });

  test("both ends of ten million rows are reached", () => {
    const end = scrolled(geometry, { top: 0, bar: 0 }, range);
    expect(visibleRange(geometry, end.top, MANY)[1]).toBe(MANY);
    expect(scrolled(geometry, end, 0).top).toBe(0);
  });

  test("a wheel moves by its own pixels, the thumb in proportion", () => {
    const start: Scroll = { top: 5_000_000, bar: barFor(geometry, 5_000_000) };
    expect(scrolled(geometry, start, start.bar + 120).top).toBe(5_000_120);
    expect(scrolled(geometry, start, range / 2).top).toBeCloseTo(content / 2);
  });

  test("steps of a wheel meet every tile, however long one scrolls", () => {
    let scroll: Scroll = { top: 0, bar: 0 };
    let seen = 0;
    for (let step = 0; step < 2000; step++) {
      const [start, stop] = visibleRange(geometry, scroll.top, MANY);
      expect(start).toBeLessThanOrEqual(seen);
      seen = Math.max(seen, stop);
      scroll = scrolled(geometry, scroll, scroll.bar + 300);
      // What the grid does when the wheel rests.
      if (step % 7 === 0) scroll = { top: scroll.top, bar: barFor(geometry, scroll.top) };
    }
    expect(scroll.top).toBe(2000 * 300);
  });

  test("a small table scrolls pixel by pixel", () => {
    const small = gridGeometry(options);
    expect(spacerHeight(small)).toBe(small.height);
    expect(scrolled(small, { top: 0, bar: 0 }, 1234)).toEqual({ top: 1234, bar: 1234 });
    expect(barFor(small, 1234)).toBeCloseTo(1234);
  });
});

test("few sizes of thumbnails serve all sizes of tiles", () => {
  expect(thumbnailSide(96, 1)).toBe(96);
  expect(thumbnailSide(97, 1)).toBe(128);
  expect(thumbnailSide(256, 2)).toBe(512);
  expect(thumbnailSide(32, 1)).toBe(32);
  expect(thumbnailSide(900, 3)).toBe(1024);
});
