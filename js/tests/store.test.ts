import { describe, expect, test } from "vitest";
import type { ColumnsMessage } from "../src/columns";
import { type Incoming, parseSchema, type Schema } from "../src/protocol";
import { Store } from "../src/store";
import { shuffled } from "./shuffle";

const schema = (changes: object = {}): Schema | null =>
  parseSchema({
    protocol: 1,
    title: "t",
    rows: 4,
    image: "image",
    columns: [],
    captions: ["label"],
    color: "label",
    histograms: ["label"],
    axes: { x: "a", y: "b" },
    ...changes,
  });

const codes = (version: number, rows: number[], values: number[]): ColumnsMessage => ({
  kind: "columns",
  name: "label",
  role: "facet",
  version,
  of: 4,
  offset: 0,
  known: values.length,
  meta: { type: "category", labels: ["x", "y"], other: false },
  dtype: "u1",
  values: Uint8Array.from(values),
  rows: Uint32Array.from(rows),
});

const rows = (epoch: number, start: number, list: number[]): Incoming => ({
  kind: "rows",
  epoch,
  start,
  rows: Uint32Array.from(list),
});

const cells = (list: number[], values: number[]): Incoming => ({
  kind: "cells",
  epoch: 1,
  column: "label",
  rows: list,
  values,
  errors: new Map(),
});

const mask = (version: number, bits: number): Incoming => ({
  kind: "mask",
  source: "python",
  version,
  of: 4,
  bits: Uint8Array.from([bits]),
});

const errors: Incoming = {
  kind: "cells",
  epoch: 2,
  column: "pred",
  rows: [3],
  values: [null],
  errors: new Map([[3, "ValueError: no"]]),
};

function seen(store: Store): unknown {
  const order = store.order.value;
  const facet = store.facet("label");
  return {
    epoch: order.epoch,
    order: [0, 1, 2, 3].map((position) => order.at(position) ?? null),
    cells: [0, 1, 2, 3].map((row) => [store.cell(row, "label"), store.cell(row, "pred")]),
    facet: facet?.form === "codes" && [facet.version, facet.known, ...facet.codes],
    mask: [...(store.mask("python", 2) ?? [])],
  };
}

describe("the store", () => {
  test("any interleaving of the same messages ends in the same state", () => {
    const steps: ((store: Store) => void)[] = [
      rows(1, 0, [0, 1, 2, 3]),
      rows(2, 0, [3, 2]),
      rows(2, 2, [1]),
      rows(1, 2, [9]),
      cells([0, 1], [10, 11]),
      cells([2], [12]),
      errors,
      codes(1, [0], [1]),
      codes(2, [1], [0]),
      codes(2, [2, 3], [1, 1]),
      mask(1, 0b1111),
      mask(2, 0b0101),
    ].map((message) => (store: Store) => store.apply(message as Incoming));
    steps.push((store) => store.setEpoch({ epoch: 1, rows: 4, sort: [] }));
    steps.push((store) => store.setEpoch({ epoch: 2, rows: 3, sort: [] }));
    const run = (order: typeof steps) => {
      const store = new Store();
      store.setSchema(schema());
      for (const step of order) step(store);
      return seen(store);
    };
    const wanted = run(steps);
    expect(wanted).toMatchObject({
      epoch: 2,
      order: [3, 2, 1, null],
      facet: [2, 2, 65535, 0, 1, 1],
      mask: [0b0101],
    });
    for (let seed = 1; seed <= 200; seed++) expect(run(shuffled(steps, seed))).toEqual(wanted);
  });

  test("rows of an epoch that is over change nothing", () => {
    const store = new Store();
    store.setEpoch({ epoch: 5, rows: 2, sort: [] });
    store.apply(rows(4, 0, [1, 0]));
    expect(store.order.value.at(0)).toBeUndefined();
  });

  test("rows that come before their epoch are kept for it", () => {
    const store = new Store();
    store.apply(rows(1, 0, [1, 0]));
    store.setEpoch({ epoch: 1, rows: 2, sort: [] });
    expect([store.order.value.at(0), store.order.value.at(1)]).toEqual([1, 0]);
  });

  test("the same epoch again keeps the order", () => {
    const store = new Store();
    store.setEpoch({ epoch: 1, rows: 2, sort: [] });
    const { value } = store.order;
    store.setEpoch({ epoch: 1, rows: 2, sort: [] });
    expect(store.order.value).toBe(value);
  });

  test("the page's choices stand until Python asks for something else", () => {
    const store = new Store();
    store.layout.value = { x: "c", y: "d", color: null };
    store.setSchema(schema());
    expect([store.axes, store.color]).toEqual([{ x: "c", y: "d" }, null]);
    store.setSchema(schema({ title: "other" }));
    expect(store.axes).toEqual({ x: "c", y: "d" });
    store.setSchema(schema({ axes: { x: "umap_0", y: "umap_1" }, color: "pred" }));
    expect([store.axes, store.color]).toEqual([{ x: "umap_0", y: "umap_1" }, "pred"]);
  });

  test("a size asked for in Python wins over the slider, and other changes leave it", () => {
    const store = new Store();
    store.setSchema(schema({ layout: { tile: 96, height: 560 } }));
    store.layout.value = { tile: 64 };
    store.setSchema(schema({ color: "pred", layout: { tile: 96, height: 560 } }));
    expect(store.layout.value.tile).toBe(64);
    store.setSchema(schema({ layout: { tile: 160, height: 560 } }));
    expect(store.layout.value.tile).toBeUndefined();
    expect(store.schema.value?.layout.tile).toBe(160);
  });

  test("another schema of the same rows keeps the order of the grid", () => {
    const store = new Store();
    store.setSchema(schema());
    store.setEpoch({ epoch: 1, rows: 4, sort: [] });
    const { value } = store.order;
    store.setSchema(schema({ axes: { x: "c", y: "d" } }));
    store.setEpoch({ epoch: 1, rows: 4, sort: [] });
    expect(store.order.value).toBe(value);
  });

  test("a table of another length forgets what belonged to rows", () => {
    const store = new Store();
    store.setSchema(schema());
    store.apply(cells([0], [1]));
    store.apply(codes(1, [0], [1]));
    store.setSchema(schema({ rows: 9 }));
    expect(store.cell(0, "label")).toBeUndefined();
    expect(store.facet("label")).toBeUndefined();
  });

  test("the same notice is shown once and can be dismissed", () => {
    const store = new Store();
    const notice = { level: "error" as const, where: "sort", message: "no", hint: null };
    store.notify(notice);
    store.notify(notice);
    expect(store.notices.value).toHaveLength(1);
    store.dismiss(store.notices.value[0]?.id ?? 0);
    expect(store.notices.value).toEqual([]);
  });
});

test("after another schema of the same rows, columns of any version replace the old ones", () => {
  const store = new Store();
  store.setSchema(schema());
  store.apply(codes(7, [0, 1], [1, 1]));
  store.setSchema(schema({ color: "pred" }));
  const facet = () => store.facet("label");
  expect(facet()).toMatchObject({ form: "codes", known: 2 });
  store.apply(codes(1, [1], [0]));
  expect(facet()).toMatchObject({ version: 1, known: 1 });
});
