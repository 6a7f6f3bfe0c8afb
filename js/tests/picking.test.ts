import { describe, expect, test } from "vitest";
import { Order } from "../src/order";
import { Picking } from "../src/picking";

/** A grid in reversed order of which the page knows the positions below `known`. */
function grid(rows = 100, known = rows) {
  const rowAt = (position: number) => rows - 1 - position;
  const between = (start: number, stop: number) =>
    Uint32Array.from({ length: stop - start }, (_, i) => rowAt(start + i));
  const order = new Order(3, rows);
  order.write(0, between(0, known));
  const state = {
    order,
    picked: new Set<number>() as ReadonlySet<number>,
    asked: [] as number[][],
    answer: async (start: number, stop: number): Promise<Uint32Array | null> =>
      between(start, stop),
  };
  const picking = new Picking({
    order: () => state.order,
    picked: () => state.picked,
    pick: (rows) => (state.picked = rows),
    fetch: (epoch, start, stop) => {
      state.asked.push([epoch, start, stop]);
      return state.answer(start, stop);
    },
  });
  const positions = () => [...state.picked].map(rowAt).sort((a, b) => a - b);
  return { state, picking, positions };
}

describe("picking a range", () => {
  test("everything between the anchor and the click is picked", async () => {
    const { state, picking, positions } = grid();
    picking.toggle(2);
    await picking.extend(5);
    expect(positions()).toEqual([2, 3, 4, 5]);
    expect(state.asked).toEqual([]);
  });

  test("rows that the page has not loaded are asked for, none is left out", async () => {
    const { state, picking, positions } = grid(5000, 40);
    picking.toggle(0);
    await picking.extend(4999);
    expect(state.asked).toEqual([[3, 0, 5000]]);
    expect(positions()).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  test("when the kernel refuses, what was picked stays", async () => {
    const { state, picking, positions } = grid(50_000, 40);
    state.answer = async () => null;
    picking.toggle(0);
    await picking.extend(49_999);
    expect(positions()).toEqual([0]);
  });

  test("rows of an order that is over are not picked", async () => {
    const { state, picking, positions } = grid(5000, 40);
    picking.toggle(0);
    const done = picking.extend(3000);
    state.order = new Order(4, 5000);
    await done;
    expect(positions()).toEqual([0]);
  });

  test("of two ranges that travel the later one counts", async () => {
    const { picking, positions } = grid(5000, 40);
    picking.toggle(0);
    await Promise.all([picking.extend(3000), picking.extend(1)]);
    expect(positions()).toEqual([0, 1]);
  });

  test("arrows with Shift let the range grow and shrink", async () => {
    const { picking, positions } = grid();
    await picking.extendFrom(10, 11);
    await picking.extendFrom(11, 12);
    expect(positions()).toEqual([10, 11, 12]);
    await picking.extendFrom(12, 11);
    expect(positions()).toEqual([10, 11]);
    picking.end();
    await picking.extendFrom(20, 21);
    expect(positions()).toEqual([10, 11, 20, 21]);
  });

  test("what was cleared in between does not come back", async () => {
    const { state, picking, positions } = grid();
    picking.toggle(1);
    await picking.extend(3);
    state.picked = new Set();
    await picking.extend(2);
    expect(positions()).toEqual([1, 2]);
  });
});
