/** Values as a person reads them. */

import type { Clause, Scalar } from "./clauses";
import type { Json } from "./fields";

const grouped = new Intl.NumberFormat("en-US");

export function count(n: number): string {
  return grouped.format(n);
}

/** "1 row", "899 rows". */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

/** About three significant digits; whole numbers as they are. */
export function number(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) < 1e15 ? count(value) : String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  return String(Number(value.toPrecision(size >= 1000 ? 6 : 3)));
}

/** A date of a binned date column: its edges are milliseconds since 1970. */
export function date(milliseconds: number): string {
  const text = new Date(milliseconds).toISOString();
  return text.endsWith("T00:00:00.000Z") ? text.slice(0, 10) : text.slice(0, 16).replace("T", " ");
}

export function scalar(value: Scalar): string {
  if (value === null) return "null";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : number(value);
  return value === "" ? "(empty)" : String(value);
}

/** A number in as little room as possible; its size is still told, which a cut number hides. */
export function brief(value: number): string {
  const text = value.toExponential(2).replace(/\.?0+e/, "e");
  const plain = scalar(value);
  return text.length < plain.length ? text : plain;
}

/** `length`: how many values a vector has of which only the first were sent. */
export function json(value: Json | undefined, limit = 200, length?: number): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "object") {
    if (Array.isArray(value)) return list(value, length ?? value.length);
    const text = JSON.stringify(value);
    return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
  }
  return scalar(value);
}

function list(values: Json[], length: number): string {
  const shown = values.slice(0, 6).map((value) => json(value, 40));
  return length > shown.length
    ? `[${shown.join(", ")}, … ${count(length)} values]`
    : `[${shown.join(", ")}]`;
}

function listed(values: readonly Scalar[]): string {
  const shown = values.slice(0, 4).map(scalar).join(", ");
  return values.length > 4 ? `${shown} and ${values.length - 4} more` : shown;
}

/** A clause in a few words: the name of what it is about, and what it says. */
export function clauseWords(clause: Clause, isDate: (column: string) => boolean): [string, string] {
  switch (clause.type) {
    case "category":
      return [clause.column, clause.values.length > 0 ? listed(clause.values) : "nothing"];
    case "interval": {
      const show = isDate(clause.column) ? date : number;
      return [clause.column, `${show(clause.lo)} – ${show(clause.hi)}`];
    }
    case "polygon":
      return ["lasso", `${clause.x} × ${clause.y}`];
    case "rows":
      return ["picked", plural(clause.rows.length, "image")];
    case "mask":
      return ["Python", clause.code];
  }
}
