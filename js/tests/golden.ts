/** The files that the kernel's tests read too. */

import { readFileSync } from "node:fs";
import type { Bytes } from "../src/bytes";
import { fromBase64 } from "../src/bytes";
import type { Clause, Scalar } from "../src/clauses";
import type { Json, JsonObject } from "../src/fields";

type MessageCase = {
  name: string;
  direction: "js->py" | "py->js";
  content: JsonObject;
  buffers: string[];
  valid: boolean;
  error?: string;
  expect?: JsonObject;
};
type ClauseCase = { name: string; clauses: { source: string; clause: Clause }[]; rows: number[] };
type ClauseFile = {
  rows: number;
  columns: Record<string, { kind: "number" | "category" | "boolean"; values: Scalar[] }>;
  cases: ClauseCase[];
};

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../tests/protocol/${name}`, import.meta.url), "utf8"));
}

export const messageCases = (read("messages.json") as { cases: MessageCase[] }).cases;
export const clauseFile = read("clauses.json") as ClauseFile;

/** Buffers as JupyterLab hands them over: views at an odd place of a larger buffer. */
export function asViews(encoded: string[]): DataView[] {
  return encoded.map((text) => {
    const bytes = fromBase64(text);
    const larger = new Uint8Array(bytes.length + 7);
    larger.set(bytes, 3);
    return new DataView(larger.buffer, 3, bytes.length);
  });
}

export function asBuffers(encoded: string[]): ArrayBuffer[] {
  return encoded.map((text) => fromBase64(text).buffer);
}

export function toBase64(bytes: Bytes): string {
  return Buffer.from(bytes).toString("base64");
}

/** Arrays as JSON can hold them: NaN becomes null. */
export function plain(values: Iterable<number>): Json[] {
  return Array.from(values, (value) => (Number.isNaN(value) ? null : value));
}
