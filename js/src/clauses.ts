/** The clauses of a selection: what one view says about which rows it wants. */

import { Fields, type Json, ProtocolError } from "./fields";

/** A value that a category column can hold. */
export type Scalar = null | boolean | number | string;

export type CategoryClause = { type: "category"; column: string; values: Scalar[] };
export type IntervalClause = {
  type: "interval";
  column: string;
  lo: number;
  hi: number;
  closed: "left" | "both";
};
export type Point = [x: number, y: number];
export type PolygonClause = { type: "polygon"; x: string; y: string; points: Point[] };
export type RowsClause = { type: "rows"; rows: number[] };
export type MaskClause = { type: "mask"; version: number; code: string };
export type Clause = CategoryClause | IntervalClause | PolygonClause | RowsClause | MaskClause;

/** At most this many vertices of a lasso are sent. */
export const MAX_VERTICES = 256;

const TYPES = ["category", "interval", "polygon", "rows", "mask"] as const;

function isScalar(value: Json): value is Scalar {
  return value === null || typeof value !== "object";
}

function isPoint(value: Json): value is Point {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((part) => typeof part === "number" && Number.isFinite(part))
  );
}

function readPoints(fields: Fields): Point[] {
  const points = fields.list("points");
  if (!points.every(isPoint)) fields.fail("points", "a list of [x, y] pairs");
  return points as Point[];
}

/** Checks a clause that came from the other side or from a file. */
export function parseClause(value: unknown, name = "clause"): Clause {
  const fields = new Fields(name, value);
  const type = fields.oneOf("type", TYPES);
  switch (type) {
    case "category": {
      const values = fields.list("values");
      if (!values.every(isScalar)) fields.fail("values", "a list of plain values");
      return { type, column: fields.text("column"), values: values as Scalar[] };
    }
    case "interval": {
      const closed = fields.oneOf("closed", ["left", "both"] as const);
      const [lo, hi] = [fields.number("lo"), fields.number("hi")];
      return { type, column: fields.text("column"), lo, hi, closed };
    }
    case "polygon":
      return { type, x: fields.text("x"), y: fields.text("y"), points: readPoints(fields) };
    case "rows":
      return { type, rows: fields.rows("rows") };
    case "mask":
      return { type, version: fields.whole("version"), code: fields.text("code") };
  }
}

/** `[{source, clause}, ...]` as the selection trait holds it. */
export function parseClauses(values: Json[], name: string): Map<string, Clause> {
  const clauses = new Map<string, Clause>();
  values.forEach((value, i) => {
    const fields = new Fields(`${name}[${i}]`, value);
    const source = fields.text("source");
    if (clauses.has(source)) throw new ProtocolError(`${name}: "${source}" is there twice`);
    clauses.set(source, parseClause(fields.object["clause"], `${name}[${i}].clause`));
  });
  return clauses;
}

export function histogramSource(column: string): string {
  return `histogram:${column}`;
}
