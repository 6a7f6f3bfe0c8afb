import { describe, expect, test } from "vitest";
import type { Clause } from "../src/clauses";
import { Linked } from "../src/linked";
import type { ColumnsMessage } from "../src/columns";
import { parseSchema } from "../src/protocol";
import { Store } from "../src/store";

const ROWS = 6;

function column(name: string, codes: number[], labels: string[]): ColumnsMessage {
  return {
    kind: "columns",
    name,
    role: "facet",
    version: 1,
    of: ROWS,
    offset: 0,
    known: ROWS,
    meta: { type: "category", labels, other: false },
    dtype: "u1",
    values: Uint8Array.from(codes),
    rows: null,
  };
}

function linked(): { store: Store; linked: Linked } {
  const store = new Store();
  store.setSchema(
    parseSchema({
      protocol: 1,
      title: "",
      rows: ROWS,
      image: null,
      columns: [],
      captions: [],
      color: null,
      histograms: [],
      axes: null,
    }),
  );
  store.apply(column("animal", [0, 0, 1, 1, 2, 2], ["cat", "dog", "owl"]));
  store.apply(column("place", [0, 1, 0, 1, 0, 1], ["in", "out"]));
  return { store, linked: new Linked(store) };
}

function counts({ linked: l }: { linked: Linked }, name: string) {
  const found = l.counts(name, `histogram:${name}`);
  return {
    total: [...(found?.total.slice(0, 3) ?? [])],
    selected: [...(found?.selected.slice(0, 3) ?? [])],
  };
}

const cats: Clause = { type: "category", column: "animal", values: ["cat"] };
const inside: Clause = { type: "category", column: "place", values: ["in"] };

describe("counts", () => {
  test("without clauses everything is selected", () => {
    const both = linked();
    expect(counts(both, "animal")).toEqual({ total: [2, 2, 2], selected: [2, 2, 2] });
    expect(both.linked.selected.value).toBe(ROWS);
  });

  test("a histogram is filtered by the others and not by its own clause", () => {
    const both = linked();
    both.store.clauses.value = new Map([["histogram:animal", cats]]);
    expect(counts(both, "animal").selected).toEqual([2, 2, 2]);
    expect(counts(both, "place").selected.slice(0, 2)).toEqual([1, 1]);
    both.store.clauses.value = new Map([
      ["histogram:animal", cats],
      ["histogram:place", inside],
    ]);
    expect(counts(both, "animal").selected).toEqual([1, 1, 1]);
    expect(counts(both, "animal").total).toEqual([2, 2, 2]);
    expect(both.linked.selected.value).toBe(1);
  });

  test("the kernel's number stands while a clause cannot be evaluated here", () => {
    const both = linked();
    const clause: Clause = { type: "mask", version: 3, code: "" };
    both.store.clauses.value = new Map([["python", clause]]);
    both.store.confirmed.value = { seq: 0, clauses: new Map(), rows: 4, code: null };
    expect(both.linked.selected.value).toBe(4);
    both.store.apply({
      kind: "mask",
      source: "python",
      version: 3,
      of: ROWS,
      bits: Uint8Array.from([0b11]),
    });
    expect(both.linked.selected.value).toBe(2);
    expect(counts(both, "animal").selected).toEqual([2, 0, 0]);
  });

  test("values that arrive later are counted", () => {
    const both = linked();
    both.store.apply(column("late", [0, 255, 255, 255, 255, 255], ["yes"]));
    both.store.clauses.value = new Map([
      ["histogram:late", { type: "category", column: "late", values: ["yes"] } as Clause],
    ]);
    expect(both.linked.selected.value).toBe(1);
    const more = column("late", [0], ["yes"]);
    both.store.apply({ ...more, rows: Uint32Array.from([4]) } as ColumnsMessage);
    expect(both.linked.selected.value).toBe(2);
  });
});
