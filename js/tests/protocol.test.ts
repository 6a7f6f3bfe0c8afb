import { describe, expect, test } from "vitest";
import { parseClause } from "../src/clauses";
import { type Json, type JsonObject, ProtocolError } from "../src/fields";
import { HELLO_BYTES, type Incoming, MissingBuffers, parseMessage } from "../src/protocol";
import { parseEpoch, parseSchema, parseSelection, PROTOCOL } from "../src/protocol";
import { asBuffers, asViews, messageCases, plain, toBase64 } from "./golden";

/** What was read, in the form of the golden files. */
function described(message: Incoming): JsonObject {
  switch (message.kind) {
    case "rows":
      return { epoch: message.epoch, start: message.start, rows: plain(message.rows) };
    case "tiles": {
      const tiles = message.tiles.map((tile) =>
        tile.ok ? { ...tile, data: toBase64(tile.data) } : tile,
      );
      return { epoch: message.epoch, px: message.px, tiles: tiles as Json };
    }
    case "cells": {
      const errors = Object.fromEntries(message.errors);
      const { epoch, column, rows, values } = message;
      return { epoch, column, rows, values, errors };
    }
    case "columns": {
      const { name, role, version, of, offset, known, meta, values } = message;
      const rows = message.rows && plain(message.rows);
      return { name, role, version, of, offset, known, meta, values: plain(values), rows };
    }
    case "mask": {
      const { source, version, of, bits } = message;
      const all = Array.from({ length: of }, (_, i) => i);
      const rows = all.filter((i) => ((bits[i >> 3] as number) >> (i & 7)) & 1);
      return { source, version, of, rows };
    }
    case "reply":
      return message.ok
        ? { rid: message.rid, ok: true }
        : { rid: message.rid, ok: false, error: message.error };
    case "notice": {
      const { level, where, message: words, hint } = message;
      return { level, where, message: words, hint };
    }
  }
}

describe("messages from the kernel", () => {
  const cases = messageCases.filter(({ direction }) => direction === "py->js");

  test.each(cases.filter(({ valid }) => valid))("$name", ({ content, buffers, expect: wanted }) => {
    expect(described(parseMessage(content, asViews(buffers)))).toEqual(wanted);
    expect(described(parseMessage(content, asBuffers(buffers)))).toEqual(wanted);
  });

  test.each(cases.filter(({ valid }) => !valid))(
    "refused: $name",
    ({ content, buffers, error }) => {
      const parse = () => parseMessage(content, asViews(buffers));
      expect(parse).toThrow(ProtocolError);
      expect(parse).toThrow(error);
    },
  );

  test.each([[null], [7], ["rows"], [[]]])("refused: %j is no message", (content) => {
    expect(() => parseMessage(content, [])).toThrow(ProtocolError);
  });

  test("a message whose buffers were dropped is told apart", () => {
    expect(() => parseMessage({ kind: "rows", epoch: 1, start: 0 }, [])).toThrow(MissingBuffers);
  });
});

describe("messages from the page", () => {
  const cases = messageCases.filter(({ direction, valid }) => direction === "js->py" && valid);

  test("the first buffer of hello is the one that the kernel looks for", () => {
    const hello = cases.find(({ content }) => content["kind"] === "hello");
    expect(hello?.content["protocol"]).toBe(PROTOCOL);
    expect(hello?.buffers).toEqual([toBase64(HELLO_BYTES)]);
  });

  const clauses = cases.filter(({ content }) => content["clause"] != null);
  test.each(clauses)("the clause is read as it was written: $name", ({ content }) => {
    expect(parseClause(content["clause"])).toEqual(content["clause"]);
  });
});

describe("traits", () => {
  const schema = {
    protocol: 1,
    title: "t",
    rows: 3,
    image: "image",
    columns: [{ name: "label", dtype: "Int64", kind: "category", deferred: false }],
    captions: ["label"],
    color: null,
    histograms: [],
    axes: { x: "a", y: "b" },
    layout: { tile: 64, height: 400 },
  };

  test("a trait that is not filled yet is null", () => {
    expect(parseSchema({})).toBeNull();
    expect(parseEpoch(null)).toBeNull();
    expect(parseSelection(undefined)).toBeNull();
  });

  test("a schema is read", () => {
    expect(parseSchema(schema)).toMatchObject({ rows: 3, axes: { x: "a", y: "b" }, color: null });
  });

  test("another protocol is refused with both versions", () => {
    expect(() => parseSchema({ ...schema, protocol: 2 })).toThrow(/protocol 1.*protocol 2/);
  });

  test("a selection is read with its clauses by source", () => {
    const clause = { type: "rows", rows: [1, 2] };
    const selection = parseSelection({
      seq: 4,
      clauses: [{ source: "grid", clause }],
      rows: 2,
      code: "x",
    });
    expect(selection?.clauses.get("grid")).toEqual(clause);
  });
});
