/** A kernel made of JavaScript: synthetic digits, the real protocol, adjustable latency. */

import type { HostBuffer } from "../src/bytes";
import type { Channel, Trait } from "../src/channel";
import { type Clause, parseClause } from "../src/clauses";
import { combine, evaluate, type Mask } from "../src/crossfilter";
import type { Json, JsonObject } from "../src/fields";
import { type Incoming, type Outgoing, parseMessage, parseSchema } from "../src/protocol";
import { Store } from "../src/store";

export type FakeOptions = {
  rows: number;
  axes: boolean;
  broken: number;
  latency: number;
  photos: boolean;
  title: string;
};
type MessageListener = (content: unknown, buffers: readonly HostBuffer[]) => void;
type Rows = ReturnType<typeof makeRows>;
type Thumbnail = { bytes: Uint8Array<ArrayBuffer>; w: number; h: number };

function makeRows({ rows: n }: FakeOptions) {
  let seed = 7;
  const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
  const label = new Uint8Array(n);
  const pred = new Uint8Array(n);
  const confidence = new Float32Array(n);
  const x = new Float32Array(n);
  const y = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    label[i] = Math.floor(random() * 10);
    pred[i] = random() < 0.93 ? (label[i] as number) : Math.floor(random() * 10);
    confidence[i] = 1 - random() ** 3 * 0.8;
    const angle = ((pred[i] as number) / 10) * 2 * Math.PI;
    const spread = () => (random() + random() + random() - 1.5) * 2.2;
    x[i] = Math.cos(angle) * 6 + spread();
    y[i] = Math.sin(angle) * 5 + spread();
    if (i % 97 === 5) x[i] = NaN;
  }
  return { n, label, pred, confidence, x, y };
}

async function draw(row: number, digit: number, px: number, photo: boolean): Promise<Thumbnail> {
  const [w, h] = photo ? [px, Math.round(px * (0.6 + ((row * 37) % 60) / 100))] : [8, 8];
  const canvas = new OffscreenCanvas(w, h);
  const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
  if (photo) {
    const sky = context.createLinearGradient(0, 0, 0, h);
    sky.addColorStop(0, `hsl(${(row * 47) % 360} 45% 72%)`);
    sky.addColorStop(1, `hsl(${(row * 47 + 40) % 360} 40% 38%)`);
    context.fillStyle = sky;
    context.fillRect(0, 0, w, h);
    context.fillStyle = `hsl(${(row * 83) % 360} 50% 28%)`;
    context.beginPath();
    context.arc(w * 0.5, h * 0.62, Math.min(w, h) * 0.28, 0, 7);
    context.fill();
  } else {
    context.fillStyle = "#000";
    context.fillRect(0, 0, 8, 8);
    context.fillStyle = "#fff";
    context.font = "bold 9px sans-serif";
    context.fillText(String(digit), 1 + (row % 3) * 0.4, 7.4);
  }
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return { bytes: new Uint8Array(await blob.arrayBuffer()), w, h };
}

export class FakeKernel implements Channel {
  readonly log: Outgoing[] = [];
  #traits = new Map<Trait, unknown>();
  #listeners = new Map<Trait, Set<() => void>>();
  #messages = new Set<MessageListener>();
  #rows: Rows;
  #order: number[];
  #sort: Json[] = [];
  #epoch = 1;
  #seq = 0;
  #sent = new Set<string>();
  #inferred = new Set<number>();
  /** The page's own evaluation, over the same columns: membership of the grid. */
  #store = new Store();
  #clauses = new Map<string, Clause>();

  constructor(readonly options: FakeOptions) {
    this.#rows = makeRows(options);
    this.#order = Array.from({ length: options.rows }, (_, i) => i);
    const column = (name: string, dtype: string, kind: string, deferred = false) => {
      return { name, dtype, kind, deferred };
    };
    this.#traits.set("_schema", {
      protocol: 1,
      title: options.title,
      rows: options.rows,
      image: "image",
      columns: [
        column("image", "Image", "image", true),
        column("label", "Int64", "category"),
        column("split", "String", "category"),
        column("pred", "Int64", "category", true),
        column("confidence", "Float32", "number", true),
        column("probs", "Array(Float32, 10)", "vector", true),
        column("umap_0", "Float32", "number"),
        column("umap_1", "Float32", "number"),
      ],
      captions: ["label", "pred"],
      color: "label",
      histograms: ["label", "pred", "confidence"],
      axes: options.axes ? { x: "umap_0", y: "umap_1" } : null,
      layout: { tile: 96, height: 560 },
    });
    this.#store.setSchema(parseSchema(this.#traits.get("_schema")));
    this.#traits.set("_layout", {});
    this.#status(false);
    this.#counts();
    this.#select();
  }

  // ---- the channel ----------------------------------------------------------------------

  get(trait: Trait): unknown {
    return this.#traits.get(trait);
  }

  subscribe(trait: Trait, listener: () => void): void {
    const listeners = this.#listeners.get(trait) ?? new Set();
    this.#listeners.set(trait, listeners.add(listener));
  }

  set(trait: Trait, value: unknown): void {
    this.#traits.set(trait, JSON.parse(JSON.stringify(value)));
    for (const listener of this.#listeners.get(trait) ?? []) listener();
  }

  onMessage(listener: MessageListener): void {
    this.#messages.add(listener);
  }

  onLost(): void {}

  onDoubt(): void {}

  send(message: Outgoing): void {
    this.log.push(message);
    setTimeout(() => void this.#handle(message), this.options.latency);
  }

  emit(content: JsonObject, ...arrays: ArrayBufferView[]): void {
    // As JupyterLab does it: a DataView somewhere inside a larger buffer.
    const buffers = arrays.map((array) => {
      const copy = new Uint8Array(array.byteLength + 4);
      copy.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), 4);
      return new DataView(copy.buffer, 4);
    });
    for (const listener of this.#messages) listener(content, buffers);
  }

  /** As Python's `select` does it. */
  select(source: string, clause: Clause | null): void {
    this.#apply(source, clause);
  }

  // ---- the kernel -----------------------------------------------------------------------

  async #handle(message: Outgoing): Promise<void> {
    switch (message.kind) {
      case "hello":
        this.#sent.clear();
        return this.#sendColumns();
      case "viewport":
        return this.#viewport(message);
      case "select":
        this.#seq = message.seq;
        return this.#apply(message.source, message.clause && parseClause(message.clause));
      case "ask":
        return this.#ask(message.rid, message.op, message.args);
      case "cancel":
        return;
    }
  }

  #column(content: JsonObject, array: Uint8Array | Float32Array): void {
    const full = {
      kind: "columns",
      version: 1,
      of: this.#rows.n,
      offset: 0,
      sparse: false,
      ...content,
    };
    this.#store.apply(parseMessage(full, [array.slice()]) as Incoming);
    this.emit(full as JsonObject, array);
  }

  #sendColumns(): void {
    const { n, label, pred, confidence, x, y } = this.#rows;
    const labels = Array.from({ length: 10 }, (_, i) => i);
    const category = {
      role: "facet",
      dtype: "u1",
      meta: { type: "category", labels, other: false },
    };
    this.#column({ name: "label", known: n, ...category }, label);
    const known = (value: number, row: number) => (this.#inferred.has(row) ? value : 255);
    const some = { known: this.#inferred.size };
    this.#column({ name: "pred", ...some, ...category }, pred.map(known));
    const edges = Array.from({ length: 21 }, (_, i) => i / 20);
    const bins = confidence.map((value, row) => {
      return row % 50 === 3 ? 253 : known(Math.min(19, Math.floor(value * 20)), row);
    });
    this.#column(
      {
        name: "confidence",
        role: "facet",
        dtype: "u1",
        ...some,
        meta: { type: "bins", edges, integer: false, date: false },
      },
      Uint8Array.from(bins),
    );
    const number = { type: "number", min: null, max: null };
    const point = { role: "point", dtype: "f4", known: n, meta: number };
    this.#column({ name: "umap_0", ...point }, x);
    this.#column({ name: "umap_1", ...point }, y);
  }

  #apply(source: string, clause: Clause | null): void {
    if (clause) this.#clauses.set(source, clause);
    else this.#clauses.delete(source);
    this.#epoch++;
    this.#select();
  }

  #select(): void {
    const { n } = this.#rows;
    const masks = new Map<string, Mask | null>();
    for (const [source, clause] of this.#clauses) {
      masks.set(source, evaluate(source, clause, this.#store));
    }
    const { bits, full, bitOf } = combine(masks, n);
    const grid = bitOf.get("grid") ?? 0;
    const all = Array.from({ length: n }, (_, i) => i);
    this.#order = all.filter((i) => ((bits[i] ?? 0) | grid) === full);
    const key = this.#sort[0] as { column: string; descending: boolean } | undefined;
    if (key) {
      const values = this.#rows[key.column as "label"] ?? this.#rows.label;
      const sign = key.descending ? -1 : 1;
      this.#order.sort((a, b) => sign * ((values[a] ?? 0) - (values[b] ?? 0)));
    }
    this.set("_epoch", { epoch: this.#epoch, rows: this.#order.length, sort: this.#sort });
    const rows = all.filter((i) => (bits[i] ?? 0) === full).length;
    const clauses = [...this.#clauses].map(([source, clause]) => ({ source, clause }));
    const code = clauses.length > 0 ? `pl.col("label").is_in([7])` : null;
    this.set("_selection", { seq: this.#seq, clauses, rows, code });
  }

  async #viewport(message: Extract<Outgoing, { kind: "viewport" }>): Promise<void> {
    if (message.epoch !== this.#epoch) return;
    for (const row of message.missing) this.#sent.delete(`${row} ${message.px}`);
    const ranges = [[message.start, message.stop], message.ahead] as [number, number][];
    for (const [start, stop] of ranges) {
      const rows = this.#order.slice(start, stop);
      this.emit({ kind: "rows", epoch: this.#epoch, start }, Uint32Array.from(rows));
    }
    for (const [start, stop] of ranges) {
      const rows = this.#order.slice(start, stop).filter((row) => {
        return !this.#sent.has(`${row} ${message.px}`);
      });
      if (rows.length > 0) await this.#send(rows, message.px);
    }
    this.#sendColumns();
    this.#counts();
  }

  async #send(rows: number[], px: number): Promise<void> {
    const { label, pred } = this.#rows;
    const broken = (row: number) => this.options.broken > 0 && row % this.options.broken === 1;
    const tiles: Json[] = [];
    const parts: Uint8Array[] = [];
    let offset = 0;
    for (const row of rows) {
      this.#sent.add(`${row} ${px}`);
      if (broken(row)) {
        tiles.push({ row, ok: false, error: "truncated JPEG: the file ends after 2,048 bytes" });
        continue;
      }
      const { bytes, w, h } = await draw(row, label[row] ?? 0, px, this.options.photos);
      tiles.push({ row, ok: true, media: "image/png", w, h, offset, size: bytes.length });
      parts.push(bytes);
      offset += bytes.length;
    }
    const packed = new Uint8Array(offset);
    parts.reduce((at, part) => (packed.set(part, at), at + part.length), 0);
    const epoch = this.#epoch;
    this.emit({ kind: "tiles", epoch, px, tiles }, packed);
    const values = (array: Uint8Array) => rows.map((row) => array[row] ?? null);
    this.emit({ kind: "cells", epoch, column: "label", rows, values: values(label), errors: {} });
    await new Promise((resolve) => setTimeout(resolve, this.options.latency));
    const failed = rows.filter(broken);
    const fine = rows.filter((row) => !broken(row));
    for (const row of fine) this.#inferred.add(row);
    const errors = Object.fromEntries(failed.map((row) => [row, "ImageError: truncated JPEG"]));
    const preds = fine.map((row) => pred[row] ?? null);
    this.emit({ kind: "cells", epoch, column: "pred", rows: fine, values: preds, errors });
  }

  async #ask(rid: number, op: string, args: JsonObject): Promise<void> {
    if (op === "sort") {
      this.#sort = args["by"] as Json[];
      this.#epoch++;
      this.#select();
      this.emit({ kind: "reply", rid, ok: true });
    } else if (op === "detail") {
      const row = args["row"] as number;
      const { label, pred, confidence } = this.#rows;
      const { bytes, w, h } = await draw(row, label[row] ?? 0, 512, this.options.photos);
      const probs = Array.from({ length: 10 }, (_, i) => (i === pred[row] ? 0.82 : 0.02));
      const value = (column: string, what: Json, deferred = false) => {
        return { column, dtype: "", value: what, deferred, known: true };
      };
      const values = [
        value("label", label[row] ?? null),
        value("split", row % 2 ? "test" : "train"),
        value("pred", pred[row] ?? null, true),
        value("confidence", confidence[row] ?? null, true),
        value("probs", probs, true),
        value(
          "activation",
          Array.from({ length: 64 }, (_, i) => i / 7),
          true,
        ),
      ];
      const size = { media: "image/png", w, h, source_w: w, source_h: h };
      this.emit({ kind: "reply", rid, ok: true, values, ...size }, bytes);
    } else if (op === "rows") {
      const [start, stop] = [args["start"] as number, args["stop"] as number];
      const rows = Uint32Array.from(this.#order.slice(start, stop));
      this.emit({ kind: "reply", rid, ok: true, epoch: this.#epoch, start }, rows);
    } else if (op === "facet" || op === "axes") {
      this.emit({ kind: "reply", rid, ok: true });
      if (op === "facet") {
        const error = `the column "${String(args["column"])}" cannot be counted`;
        this.emit({
          kind: "notice",
          level: "warning",
          where: op,
          message: error,
          hint: "Try label.",
        });
      }
    } else {
      const error = { where: op, message: `unknown operation "${op}"`, hint: null };
      this.emit({ kind: "reply", rid, ok: false, error });
    }
  }

  #status(busy: boolean): void {
    this.set("_status", { busy, message: null, jobs: [] });
  }

  #counts(): void {
    const done = this.#inferred.size;
    this.set("_counts", {
      rows: this.#rows.n,
      decoded: this.#sent.size,
      inferred: done,
      failed: 0,
      hits: 0,
      bytes: 0,
      known: { pred: done, confidence: done },
    });
  }
}
