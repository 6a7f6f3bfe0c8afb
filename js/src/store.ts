/**
 * What the page knows. Traits and messages go in, signals come out; any interleaving of the
 * same messages ends in the same state.
 */

import { batch, signal } from "@preact/signals-core";
import type { Bytes } from "./bytes";
import type { Clause } from "./clauses";
import { type Column, type ColumnsMessage, mergeColumn, STALE } from "./columns";
import type { Columns } from "./crossfilter";
import type { Json } from "./fields";
import { Order } from "./order";
import type { Axes, Counts, Epoch, Incoming, Layout, Notice } from "./protocol";
import type { Schema, ServerSelection, SortKey, Status } from "./protocol";

export type Cell = { value: Json } | { error: string };
export type ShownNotice = Notice & { id: number };
type MaskBits = { version: number; bits: Bytes };
type RowsMessage = Extract<Incoming, { kind: "rows" }>;
type CellsMessage = Extract<Incoming, { kind: "cells" }>;

/** Rows whose caption values are kept; the oldest go first. */
const MAX_CELL_ROWS = 50_000;

function stale(columns: ReadonlyMap<string, Column>): ReadonlyMap<string, Column> {
  return new Map([...columns].map(([name, column]) => [name, { ...column, version: STALE }]));
}

export class Store implements Columns {
  readonly schema = signal<Schema | null>(null);
  readonly counts = signal<Counts | null>(null);
  readonly epoch = signal<Epoch | null>(null);
  readonly status = signal<Status>({ busy: false, message: null, jobs: [] });
  /** The selection as the kernel last confirmed it. */
  readonly confirmed = signal<ServerSelection | null>(null);
  /** The clauses as the person sees them now: the kernel's, then what is still under way. */
  readonly clauses = signal<ReadonlyMap<string, Clause>>(new Map());
  readonly layout = signal<Layout>({});
  readonly notices = signal<ShownNotice[]>([]);
  readonly facets = signal<ReadonlyMap<string, Column>>(new Map());
  readonly points = signal<ReadonlyMap<string, Column>>(new Map());
  readonly masks = signal<ReadonlyMap<string, MaskBits>>(new Map());
  /** The order of the newest epoch; `orderRevision` grows as it fills. */
  readonly order = signal(new Order(0, 0));
  readonly orderRevision = signal(0);
  readonly cellsRevision = signal(0);

  #cells = new Map<number, Map<string, Cell>>();
  #early: RowsMessage[] = [];
  #notices = 0;

  // ---- what views read ------------------------------------------------------------------

  get rows(): number {
    return this.schema.value?.rows ?? 0;
  }

  facet(name: string): Column | undefined {
    return this.facets.value.get(name);
  }

  point(name: string): Column | undefined {
    return this.points.value.get(name);
  }

  mask(source: string, version: number): Bytes | undefined {
    const mask = this.masks.value.get(source);
    return mask?.version === version ? mask.bits : undefined;
  }

  cell(row: number, column: string): Cell | undefined {
    return this.#cells.get(row)?.get(column);
  }

  /** The page's choice where there is one, what Python asked for otherwise. */
  get captions(): string[] {
    return this.layout.value.captions ?? this.schema.value?.captions ?? [];
  }

  get histograms(): string[] {
    return this.layout.value.histograms ?? this.schema.value?.histograms ?? [];
  }

  get color(): string | null {
    const { color } = this.layout.value;
    return color === undefined ? (this.schema.value?.color ?? null) : color;
  }

  get axes(): Axes | null {
    const { x, y } = this.layout.value;
    return x && y ? { x, y } : (this.schema.value?.axes ?? null);
  }

  get sort(): SortKey[] {
    return this.epoch.value?.sort ?? [];
  }

  // ---- traits ---------------------------------------------------------------------------

  setSchema(schema: Schema | null): void {
    const before = this.schema.value;
    batch(() => {
      if (before && schema) this.#forget(before, schema);
      this.schema.value = schema;
    });
  }

  /** What Python asks for anew wins over the page's older choice; another table starts afresh. */
  #forget(before: Schema, schema: Schema): void {
    const layout = { ...this.layout.value };
    if (JSON.stringify(before.axes) !== JSON.stringify(schema.axes)) {
      delete layout.x;
      delete layout.y;
    }
    if (before.layout.tile !== schema.layout.tile) delete layout.tile;
    if (before.color !== schema.color) delete layout.color;
    if (before.histograms.join("\0") !== schema.histograms.join("\0")) delete layout.histograms;
    if (before.captions.join("\0") !== schema.captions.join("\0")) delete layout.captions;
    const changed = Object.keys(layout).length !== Object.keys(this.layout.value).length;
    if (changed) this.layout.value = layout;
    if (before.rows === schema.rows) {
      // The same rows with other columns: what is there is drawn until it comes anew.
      this.facets.value = stale(this.facets.value);
      this.points.value = stale(this.points.value);
      return;
    }
    this.#cells.clear();
    this.facets.value = new Map();
    this.points.value = new Map();
    this.masks.value = new Map();
  }

  setEpoch(epoch: Epoch | null): void {
    const before = this.epoch.value;
    if (!epoch || (before && epoch.epoch < before.epoch)) return;
    batch(() => {
      this.epoch.value = epoch;
      if (before?.epoch === epoch.epoch && before.rows === epoch.rows) return;
      this.order.value = new Order(epoch.epoch, epoch.rows);
      const early = this.#early;
      this.#early = [];
      for (const message of early) this.#applyRows(message);
    });
  }

  // ---- messages -------------------------------------------------------------------------

  apply(message: Incoming): void {
    switch (message.kind) {
      case "rows":
        return this.#applyRows(message);
      case "cells":
        return this.#applyCells(message);
      case "columns":
        return this.#applyColumn(message);
      case "mask": {
        const before = this.masks.value.get(message.source);
        if (before && before.version > message.version) return;
        const { source, version, bits } = message;
        this.masks.value = new Map(this.masks.value).set(source, { version, bits });
        return;
      }
      case "notice":
        return this.notify(message);
      case "tiles":
      case "reply":
        return;
    }
  }

  #applyRows(message: RowsMessage): void {
    const order = this.order.value;
    if (message.epoch > order.epoch) {
      this.#early.push(message);
    } else if (message.epoch === order.epoch) {
      order.write(message.start, message.rows);
      this.orderRevision.value++;
    }
  }

  /** Cells are values of rows: they hold whatever the epoch they were asked in. */
  #applyCells({ column, rows, values, errors }: CellsMessage): void {
    rows.forEach((row, i) => this.#setCell(row, column, { value: values[i] as Json }));
    errors.forEach((error, row) => this.#setCell(row, column, { error }));
    this.cellsRevision.value++;
  }

  #setCell(row: number, column: string, cell: Cell): void {
    let cells = this.#cells.get(row);
    if (!cells) {
      if (this.#cells.size >= MAX_CELL_ROWS) {
        const oldest = this.#cells.keys().next();
        if (!oldest.done) this.#cells.delete(oldest.value);
      }
      this.#cells.set(row, (cells = new Map()));
    }
    cells.set(column, cell);
  }

  #applyColumn(message: ColumnsMessage): void {
    const target = message.role === "facet" ? this.facets : this.points;
    const column = mergeColumn(target.value.get(message.name), message);
    target.value = new Map(target.value).set(message.name, column);
  }

  // ---- notices --------------------------------------------------------------------------

  /** Shows a notice; one that is already shown is not shown again. */
  notify({ level, where, message, hint }: Notice): void {
    const shown = this.notices.value;
    if (shown.some((notice) => notice.message === message && notice.where === where)) return;
    const notice = { id: ++this.#notices, level, where, message, hint };
    this.notices.value = [...shown, notice].slice(-4);
  }

  dismiss(id: number): void {
    this.notices.value = this.notices.value.filter((notice) => notice.id !== id);
  }
}
