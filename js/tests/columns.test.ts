import { describe, expect, test } from "vitest";
import {
  type Column,
  type ColumnsMessage,
  FAILED,
  mergeColumn,
  NOT_COMPUTED,
  NULL_BIN,
} from "../src/columns";
import { shuffled } from "./shuffle";

const category = (labels: string[]) => ({ type: "category" as const, labels, other: false });

function message(changes: Partial<ColumnsMessage>): ColumnsMessage {
  return {
    kind: "columns",
    name: "label",
    role: "facet",
    version: 1,
    of: 6,
    offset: 0,
    known: 6,
    meta: category(["a", "b"]),
    dtype: "u1",
    values: new Uint8Array(0),
    rows: null,
    ...changes,
  } as ColumnsMessage;
}

function codes(column: Column): number[] {
  return column.form === "codes" ? [...column.codes] : [];
}

describe("a column put together", () => {
  test("one-byte codes keep their reserved meanings", () => {
    const bins = { type: "bins" as const, edges: [0, 1, 2], integer: false, date: false };
    const column = mergeColumn(
      undefined,
      message({ meta: bins, values: Uint8Array.from([0, 1, 252, 253, 254, 255]) }),
    );
    expect(codes(column)).toEqual([0, 1, 252, NULL_BIN, FAILED, NOT_COMPUTED]);
  });

  test("253 is a label when there are so many", () => {
    const column = mergeColumn(undefined, message({ of: 1, values: Uint8Array.from([253]) }));
    expect(codes(column)).toEqual([253]);
  });

  test("any order of chunks and updates of a version ends in the same column", () => {
    const messages = [
      message({ values: Uint8Array.from([0, 1, 255]), known: 2 }),
      message({ offset: 3, values: Uint8Array.from([255, 254, 255]), known: 3 }),
      message({
        rows: Uint32Array.from([2, 5]),
        values: Uint8Array.from([1, 2]),
        known: 5,
        meta: category(["a", "b", "c"]),
      }),
    ];
    const all = (order: ColumnsMessage[]) =>
      order.reduce((column: Column | undefined, next) => mergeColumn(column, next), undefined);
    const wanted = all(messages) as Column;
    expect(codes(wanted)).toEqual([0, 1, 1, NOT_COMPUTED, FAILED, 2]);
    for (let seed = 1; seed < 20; seed++) expect(all(shuffled(messages, seed))).toEqual(wanted);
  });

  test("a higher version replaces what was there, a lower one is passed over", () => {
    const first = mergeColumn(undefined, message({ values: Uint8Array.from([0, 0, 0, 0, 0, 0]) }));
    const second = mergeColumn(
      first,
      message({ version: 2, offset: 1, values: Uint8Array.from([1]), known: 1 }),
    );
    expect(codes(second).slice(0, 2)).toEqual([NOT_COMPUTED, 1]);
    expect(second.known).toBe(1);
    expect(mergeColumn(second, message({ values: Uint8Array.from([0]) }))).toBe(second);
  });

  test("NaN never replaces a number", () => {
    const meta = { type: "number" as const, min: null, max: null };
    const point = (values: number[]) =>
      message({ role: "point", dtype: "f4", of: 2, meta, values: Float32Array.from(values) });
    const column = mergeColumn(mergeColumn(undefined, point([1, NaN])), point([NaN, 2]));
    expect(column.form === "numbers" && [...column.numbers]).toEqual([1, 2]);
  });
});
