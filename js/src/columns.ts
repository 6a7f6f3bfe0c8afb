/** Columns that the linked views draw, put together from chunks in whatever order they come. */

import type { ColumnMeta } from "./meta";
import type { Incoming } from "./protocol";

export type ColumnsMessage = Extract<Incoming, { kind: "columns" }>;

/** Codes above all labels and bins, the same for columns sent with one byte and with two. */
export const NOT_COMPUTED = 65535;
export const FAILED = 65534;
/** Null or NaN of a binned column; categories have null among their labels. */
export const NULL_BIN = 65533;

/** The version of a column that the kernel will send anew: anything replaces it. */
export const STALE = -1;

export type Column = {
  name: string;
  role: "facet" | "point";
  version: number;
  of: number;
  /** Rows whose value is computed. */
  known: number;
  meta: ColumnMeta;
} & ({ form: "codes"; codes: Uint16Array } | { form: "numbers"; numbers: Float32Array });
export type CodeColumn = Extract<Column, { form: "codes" }>;
export type NumberColumn = Extract<Column, { form: "numbers" }>;

/** One-byte codes keep their meaning as two-byte ones: the reserved codes move to the top. */
function widen(code: number, bytes: 1 | 2, binned: boolean): number {
  if (bytes === 2 || code < 253) return code;
  if (code === 253 && !binned) return code;
  return code + (NOT_COMPUTED - 255);
}

function empty(message: ColumnsMessage): Column {
  const { name, role, version, of, known, meta } = message;
  const common = { name, role, version, of, known, meta };
  if (message.dtype === "f4") {
    return { ...common, form: "numbers", numbers: new Float32Array(of).fill(NaN) };
  }
  return { ...common, form: "codes", codes: new Uint16Array(of).fill(NOT_COMPUTED) };
}

function rowOf(message: ColumnsMessage, i: number): number {
  return message.rows ? (message.rows[i] as number) : message.offset + i;
}

function write(column: Column, message: ColumnsMessage): void {
  const { values, dtype } = message;
  if (column.form === "numbers") {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (value === value) column.numbers[rowOf(message, i)] = value;
    }
    return;
  }
  const bytes = dtype === "u1" ? 1 : 2;
  const binned = message.meta.type === "bins";
  for (let i = 0; i < values.length; i++) {
    const code = widen(values[i] as number, bytes, binned);
    if (code !== NOT_COMPUTED) column.codes[rowOf(message, i)] = code;
  }
}

function metaSize(meta: ColumnMeta): number {
  return meta.type === "category" ? meta.labels.length : 0;
}

/**
 * The column after one more message. Within a version the order of the messages does not
 * matter: "not computed" never replaces a value and the longer list of labels stays.
 */
export function mergeColumn(before: Column | undefined, message: ColumnsMessage): Column {
  if (before && message.version < before.version) return before;
  const form = message.dtype === "f4" ? "numbers" : "codes";
  const fresh =
    !before ||
    message.version > before.version ||
    before.of !== message.of ||
    before.form !== form ||
    before.meta.type !== message.meta.type;
  const column = fresh ? empty(message) : before;
  write(column, message);
  const newer =
    metaSize(message.meta) > metaSize(column.meta) ||
    (metaSize(message.meta) === metaSize(column.meta) && message.known >= column.known);
  const known = Math.max(column.known, message.known);
  // A new object around the same array: signals see the change, nothing is copied.
  return { ...column, known, meta: newer ? message.meta : column.meta };
}
