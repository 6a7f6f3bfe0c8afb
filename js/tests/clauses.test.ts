import { describe, expect, test } from "vitest";
import { type Clause, parseClause, type Scalar } from "../src/clauses";
import { type Column, NOT_COMPUTED, NULL_BIN } from "../src/columns";
import {
  type Columns,
  combine,
  countAll,
  evaluate,
  polygonMask,
  wholeBins,
} from "../src/crossfilter";
import { clauseFile } from "./golden";

const common = { version: 1, of: clauseFile.rows, known: clauseFile.rows };

function numbers(name: string, values: Scalar[]): Column {
  const numbers = Float32Array.from(values, (value) => (value === null ? NaN : Number(value)));
  const meta = { type: "number" as const, min: null, max: null };
  return { ...common, name, role: "point", meta, form: "numbers", numbers };
}

function categories(name: string, values: Scalar[]): Column {
  const labels = [...new Set(values)];
  const codes = Uint16Array.from(values, (value) => labels.indexOf(value));
  const meta = { type: "category" as const, labels, other: false };
  return { ...common, name, role: "facet", meta, form: "codes", codes };
}

function bins(name: string, values: Scalar[], edges: number[]): Column {
  const last = edges.length - 2;
  const codes = Uint16Array.from(values, (value) => {
    if (value === null) return NULL_BIN;
    return Math.min(
      last,
      edges.findLastIndex((edge) => edge <= Number(value)),
    );
  });
  const meta = { type: "bins" as const, edges, integer: false, date: false };
  return { ...common, name, role: "facet", meta, form: "codes", codes };
}

function table(facets: Column[], points: Column[]): Columns {
  return {
    rows: clauseFile.rows,
    facet: (name) => facets.find((column) => column.name === name),
    point: (name) => points.find((column) => column.name === name),
    mask: () => undefined,
  };
}

function passing(columns: Columns, clauses: { source: string; clause: Clause }[]): number[] {
  const masks = new Map(
    clauses.map(({ source, clause }) => [source, evaluate(source, clause, columns)]),
  );
  const { bits, full } = combine(masks, columns.rows);
  return [...bits.keys()].filter((row) => bits[row] === full);
}

const facets: Column[] = [];
const points: Column[] = [];
for (const [name, { kind, values }] of Object.entries(clauseFile.columns)) {
  if (kind === "number") points.push(numbers(name, values));
  else facets.push(categories(name, values));
}
const golden = table(facets, points);

describe("clauses as the kernel evaluates them", () => {
  test.each(clauseFile.cases)("$name", ({ clauses, rows }) => {
    const read = clauses.map(({ source, clause }) => ({ source, clause: parseClause(clause) }));
    expect(passing(golden, read)).toEqual(rows);
  });

  const quarters = [0, 0.25, 0.5, 0.75, 1];
  const binned = table([bins("score", clauseFile.columns["score"]?.values ?? [], quarters)], []);
  const whole = clauseFile.cases.filter(({ clauses: [only, ...more] }) => {
    const clause = only?.clause;
    return more.length === 0 && clause?.type === "interval" && wholeBins(quarters, clause);
  });
  test("there are intervals made of whole bins", () => expect(whole.length).toBeGreaterThan(2));
  test.each(whole)("over bins: $name", ({ clauses, rows }) => {
    expect(passing(binned, clauses)).toEqual(rows);
  });
});

describe("clauses over what is there", () => {
  test("a clause whose column has not arrived filters nothing yet", () => {
    const clause: Clause = { type: "category", column: "missing", values: [1] };
    expect(evaluate("histogram:missing", clause, golden)).toBeNull();
    expect(passing(golden, [{ source: "histogram:missing", clause }])).toHaveLength(
      clauseFile.rows,
    );
  });

  test("rows that are not computed are in no interval and no category", () => {
    const column = bins("score", [0.1, 0.2, 0.3], [0, 0.5, 1]) as Column & { form: "codes" };
    column.codes[1] = NOT_COMPUTED;
    const all: Clause = { type: "interval", column: "score", lo: 0, hi: 1, closed: "both" };
    expect([...(evaluate("h", all, table([column], [])) ?? [])]).toEqual([1, 0, 1]);
  });

  test("an interval that cuts bins takes those whose middle is inside", () => {
    const column = bins("score", [0.1, 0.6, 0.9], [0, 0.25, 0.5, 0.75, 1]);
    const clause: Clause = { type: "interval", column: "score", lo: 0.55, hi: 1, closed: "both" };
    expect([...(evaluate("h", clause, table([column], [])) ?? [])]).toEqual([0, 1, 1]);
  });

  test("a mask waits for the bits of its version", () => {
    const bits = Uint8Array.from([0b101]);
    const columns = {
      ...table([], []),
      rows: 3,
      mask: (source: string, version: number) =>
        source === "python" && version === 2 ? bits : undefined,
    };
    const clause = (version: number): Clause => ({ type: "mask", version, code: "" });
    expect(evaluate("python", clause(1), columns)).toBeNull();
    expect([...(evaluate("python", clause(2), columns) ?? [])]).toEqual([1, 0, 1]);
  });

  test("more sources than bits still all filter", () => {
    const masks = new Map(
      Array.from({ length: 40 }, (_, i) => {
        const mask = new Uint8Array(41).fill(1);
        mask[i] = 0;
        return [`histogram:${i}`, mask] as const;
      }),
    );
    expect(countAll(combine(masks, 41))).toBe(1);
  });

  test("slabs change nothing: many random polygons against the plain rule", () => {
    let state = 1;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const xs = Float32Array.from({ length: 400 }, () => random() * 4 - 2);
    const ys = Float32Array.from({ length: 400 }, () => Math.round(random() * 16) / 4 - 2);
    for (let round = 0; round < 30; round++) {
      const polygon = Array.from({ length: 3 + Math.floor(random() * 60) }, () => {
        const coordinate = () => (random() < 0.3 ? Math.round(random() * 4) - 2 : random() * 4 - 2);
        return [coordinate(), coordinate()] as [number, number];
      });
      const plain = Array.from(xs, (x, i) => {
        const y = ys[i] as number;
        let inside = 0;
        polygon.forEach(([x1, y1], k) => {
          const [x2, y2] = polygon[(k + 1) % polygon.length] as [number, number];
          if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside ^= 1;
        });
        return inside;
      });
      expect([...polygonMask(xs, ys, polygon)]).toEqual(plain);
    }
  });
});
