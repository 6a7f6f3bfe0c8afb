/**
 * The seam, version 1: every trait and message that passes between kernel and page.
 *
 * "row" is the position in the table as the view opened it; "position" the place in the
 * current order of the grid. Raw arrays are little-endian.
 */

import { asBytes, asF32, asU16, asU32, type Bytes, fromBase64, type HostBuffer } from "./bytes";
import { type Clause, parseClauses } from "./clauses";
import { Fields, isObject, type Json, type JsonObject, ProtocolError } from "./fields";
import { type ColumnMeta, parseMeta } from "./meta";

export { ProtocolError };
export const PROTOCOL = 1;

// ---- traits -------------------------------------------------------------------------------

export type ColumnKind = "number" | "category" | "boolean" | "text" | "vector" | "image" | "other";
export type ColumnInfo = { name: string; dtype: string; kind: ColumnKind; deferred: boolean };
export type Axes = { x: string; y: string };
export type SortKey = { column: string; descending: boolean };

export type Schema = {
  title: string;
  rows: number;
  image: string | null;
  columns: ColumnInfo[];
  captions: string[];
  color: string | null;
  histograms: string[];
  axes: Axes | null;
  layout: { tile: number; height: number };
};
export type Counts = {
  rows: number;
  decoded: number;
  /** Null when no column is inferred at all. */
  inferred: number | null;
  failed: number;
  hits: number;
  bytes: number;
  known: Record<string, number>;
};
export type Epoch = { epoch: number; rows: number; sort: SortKey[] };
export type ServerSelection = {
  seq: number;
  clauses: Map<string, Clause>;
  rows: number;
  code: string | null;
};
export type Job = { id: string; label: string; done: number; total: number | null };
export type Status = { busy: boolean; message: string | null; jobs: Job[] };
export type Layout = {
  tile?: number;
  x?: string;
  y?: string;
  color?: string | null;
  histograms?: string[];
  captions?: string[];
  sort?: SortKey[];
};

const KINDS = ["number", "category", "boolean", "text", "vector", "image", "other"] as const;

/** A trait that the kernel has not filled yet is an empty object: read as null. */
function trait(name: string, value: unknown): Fields | null {
  return isObject(value) && Object.keys(value).length > 0 ? new Fields(name, value) : null;
}

export function parseSchema(value: unknown): Schema | null {
  const fields = trait("_schema", value);
  if (!fields) return null;
  const version = fields.object["protocol"];
  if (version !== PROTOCOL) {
    throw new ProtocolError(
      `this page speaks protocol ${PROTOCOL}, the kernel protocol ${JSON.stringify(version)}`,
    );
  }
  const columns = fields.children("columns").map((column) => ({
    name: column.text("name"),
    dtype: column.text("dtype"),
    kind: column.oneOf("kind", KINDS),
    deferred: column.flag("deferred"),
  }));
  const axes = fields.has("axes") ? fields.child("axes") : null;
  const layout = fields.has("layout") ? fields.child("layout") : null;
  return {
    title: fields.textOrNull("title") ?? "",
    rows: fields.whole("rows"),
    image: fields.textOrNull("image"),
    columns,
    captions: fields.texts("captions"),
    color: fields.textOrNull("color"),
    histograms: fields.texts("histograms"),
    axes: axes ? { x: axes.text("x"), y: axes.text("y") } : null,
    layout: {
      tile: layout?.has("tile") ? layout.number("tile") : 96,
      height: layout?.has("height") ? layout.number("height") : 560,
    },
  };
}

export function parseCounts(value: unknown): Counts | null {
  const fields = trait("_counts", value);
  if (!fields) return null;
  const count = (name: string) => (fields.has(name) ? fields.whole(name) : 0);
  const known: Record<string, number> = {};
  if (fields.has("known")) {
    const perColumn = fields.child("known");
    for (const name of Object.keys(perColumn.object)) known[name] = perColumn.whole(name);
  }
  return {
    rows: count("rows"),
    decoded: count("decoded"),
    inferred: fields.has("inferred") ? fields.whole("inferred") : null,
    failed: count("failed"),
    hits: count("hits"),
    bytes: count("bytes"),
    known,
  };
}

export function parseEpoch(value: unknown): Epoch | null {
  const fields = trait("_epoch", value);
  if (!fields) return null;
  const sort = fields.has("sort") ? fields.children("sort") : [];
  return {
    epoch: fields.whole("epoch"),
    rows: fields.whole("rows"),
    sort: sort.map((key) => ({ column: key.text("column"), descending: key.flag("descending") })),
  };
}

export function parseSelection(value: unknown): ServerSelection | null {
  const fields = trait("_selection", value);
  if (!fields) return null;
  return {
    seq: fields.whole("seq"),
    clauses: parseClauses(fields.list("clauses"), "_selection.clauses"),
    rows: fields.whole("rows"),
    code: fields.textOrNull("code"),
  };
}

export function parseStatus(value: unknown): Status | null {
  const fields = trait("_status", value);
  if (!fields) return null;
  const jobs = fields.has("jobs") ? fields.children("jobs") : [];
  return {
    busy: fields.flag("busy"),
    message: fields.textOrNull("message"),
    jobs: jobs.map((job) => ({
      id: String(job.object["id"]),
      label: job.text("label"),
      done: job.whole("done"),
      total: job.has("total") ? job.whole("total") : null,
    })),
  };
}

/** The page's own trait: what another page or an earlier one left is taken as far as it fits. */
export function parseLayout(value: unknown): Layout {
  return isObject(value) ? (value as unknown as Layout) : {};
}

// ---- from the page to the kernel ----------------------------------------------------------

export type Op = "sort" | "detail" | "axes" | "facet" | "clear" | "rows";
export type Outgoing =
  | {
      kind: "hello";
      protocol: number;
      page: number;
      dpr: number;
      media: string[];
      buffers: boolean;
    }
  | { kind: "bye"; page: number }
  | {
      kind: "viewport";
      seq: number;
      epoch: number;
      start: number;
      stop: number;
      ahead: [start: number, stop: number];
      px: number;
      columns: string[];
      missing: number[];
    }
  | { kind: "select"; seq: number; source: string; clause: Clause | null }
  | { kind: "ask"; rid: number; op: Op; args: JsonObject }
  | { kind: "cancel"; rid: number };

/** Proof that buffers pass: the kernel looks for exactly these four bytes after `hello`. */
export const HELLO_BYTES: Bytes = new Uint8Array([1, 2, 3, 4]);

// ---- from the kernel to the page ----------------------------------------------------------

export type TileMessage =
  | { row: number; ok: true; media: string; w: number; h: number; data: Bytes }
  | { row: number; ok: false; error: string };
export type WireError = { where: string; message: string; hint: string | null };
export type Notice = WireError & { level: "info" | "warning" | "error" };

export type ColumnValues = {
  /** "f4" holds Float32Array values, "u1" and "u2" codes as they were sent. */
  dtype: "u1" | "u2" | "f4";
  values: Uint8Array | Uint16Array | Float32Array;
  /** Row numbers of the values for a sparse message, null for a dense one. */
  rows: Uint32Array | null;
};
export type Incoming =
  | { kind: "rows"; epoch: number; start: number; rows: Uint32Array }
  | { kind: "tiles"; epoch: number; px: number; tiles: TileMessage[] }
  | {
      kind: "cells";
      epoch: number;
      column: string;
      rows: number[];
      values: Json[];
      errors: Map<number, string>;
    }
  | ({
      kind: "columns";
      name: string;
      role: "facet" | "point";
      version: number;
      of: number;
      offset: number;
      known: number;
      meta: ColumnMeta;
    } & ColumnValues)
  | { kind: "mask"; source: string; version: number; of: number; bits: Bytes }
  | { kind: "reply"; rid: number; ok: true; content: JsonObject; buffers: Bytes[] }
  | { kind: "reply"; rid: number; ok: false; error: WireError }
  | ({ kind: "notice" } & Notice);

/** Buffers were announced but did not arrive: the host drops them. */
export class MissingBuffers extends ProtocolError {}

function readBuffers(content: JsonObject, buffers: readonly HostBuffer[]): Bytes[] {
  const encoded = content["b64"];
  if (Array.isArray(encoded)) return encoded.map((text) => fromBase64(String(text)));
  return buffers.map(asBytes);
}

function need(buffers: Bytes[], count: number, kind: string): Bytes[] {
  if (buffers.length < count) {
    throw new MissingBuffers(`${kind}.buffers: expected ${count}, got ${buffers.length}`);
  }
  return buffers;
}

function readError(fields: Fields): WireError {
  const where = fields.textOrNull("where") ?? "";
  return { where, message: fields.text("message"), hint: fields.textOrNull("hint") };
}

function readTile(fields: Fields, packed: Bytes | undefined): TileMessage {
  const row = fields.whole("row");
  if (!fields.flag("ok")) return { row, ok: false, error: fields.text("error") };
  const [offset, size] = [fields.whole("offset"), fields.whole("size", 1)];
  if (!packed) throw new MissingBuffers("tiles.buffers: expected 1, got 0");
  if (offset + size > packed.byteLength) fields.fail("size", "bytes inside the packed buffer");
  const data = packed.subarray(offset, offset + size);
  const [w, h] = [fields.whole("w", 1), fields.whole("h", 1)];
  return { row, ok: true, media: fields.text("media"), w, h, data };
}

function readColumnValues(fields: Fields, buffers: Bytes[]): ColumnValues {
  const dtype = fields.oneOf("dtype", ["u1", "u2", "f4"] as const);
  const sparse = fields.object["sparse"] === true;
  const data = need(buffers, sparse ? 2 : 1, "columns")[sparse ? 1 : 0] as Bytes;
  const values = dtype === "u1" ? data : dtype === "u2" ? asU16(data) : asF32(data);
  const rows = sparse ? asU32(buffers[0] as Bytes) : null;
  if (rows && rows.length !== values.length) fields.fail("sparse", "as many values as rows");
  if (!rows && fields.whole("offset") + values.length > fields.whole("of")) {
    fields.fail("offset", "a chunk inside the column");
  }
  return { dtype, values, rows };
}

function readCells(fields: Fields): Incoming {
  const rows = fields.rows("rows");
  const values = fields.list("values");
  if (values.length !== rows.length) fields.fail("values", "as many values as rows");
  const errors = new Map<number, string>();
  if (fields.has("errors")) {
    for (const [row, message] of Object.entries(fields.child("errors").object)) {
      errors.set(Number(row), String(message));
    }
  }
  const column = fields.text("column");
  return { kind: "cells", epoch: fields.whole("epoch"), column, rows, values, errors };
}

/** Checks one custom message from the kernel; throws `ProtocolError` naming the field. */
export function parseMessage(content: unknown, hostBuffers: readonly HostBuffer[]): Incoming {
  const fields = new Fields(
    isObject(content) && typeof content["kind"] === "string" ? content["kind"] : "message",
    content,
  );
  const buffers = readBuffers(fields.object, hostBuffers);
  switch (fields.object["kind"]) {
    case "rows": {
      const rows = asU32(need(buffers, 1, "rows")[0] as Bytes);
      return { kind: "rows", epoch: fields.whole("epoch"), start: fields.whole("start"), rows };
    }
    case "tiles": {
      const tiles = fields.children("tiles").map((tile) => readTile(tile, buffers[0]));
      return { kind: "tiles", epoch: fields.whole("epoch"), px: fields.whole("px", 1), tiles };
    }
    case "cells":
      return readCells(fields);
    case "columns":
      return {
        kind: "columns",
        name: fields.text("name"),
        role: fields.oneOf("role", ["facet", "point"] as const),
        version: fields.whole("version"),
        of: fields.whole("of"),
        offset: fields.has("offset") ? fields.whole("offset") : 0,
        known: fields.whole("known"),
        meta: parseMeta(fields.child("meta")),
        ...readColumnValues(fields, buffers),
      };
    case "mask": {
      const [version, of] = [fields.whole("version"), fields.whole("of")];
      const bits = need(buffers, 1, "mask")[0] as Bytes;
      if (bits.byteLength * 8 < of) fields.fail("of", "as many bits as rows");
      return { kind: "mask", source: fields.text("source"), version, of, bits };
    }
    case "reply": {
      const rid = fields.whole("rid");
      if (!fields.flag("ok")) {
        return { kind: "reply", rid, ok: false, error: readError(fields.child("error")) };
      }
      return { kind: "reply", rid, ok: true, content: fields.object, buffers };
    }
    case "notice": {
      const level = fields.oneOf("level", ["info", "warning", "error"] as const);
      return { kind: "notice", level, ...readError(fields) };
    }
    default:
      return fields.fail("kind", "a message of protocol 1");
  }
}
