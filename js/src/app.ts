/** Everything behind one view, wired together: channel, store, requests, and what views may do. */

import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals-core";
import { asU32 } from "./bytes";
import type { Channel, Trait } from "./channel";
import { type Clause } from "./clauses";
import type { Clock } from "./clock";
import { type Coloring, coloring } from "./coloring";
import { STALE } from "./columns";
import { react } from "./dom";
import type { JsonObject } from "./fields";
import { Linked } from "./linked";
import { Order } from "./order";
import type { Mode } from "./palette";
import {
  type Axes,
  type Layout,
  MissingBuffers,
  type Op,
  parseCounts,
  parseEpoch,
  parseLayout,
  parseMessage,
  parseSchema,
  parseSelection,
  parseStatus,
  ProtocolError,
  type SortKey,
} from "./protocol";
import { type AskOptions, Asks, Greeting, KernelGone } from "./requests";
import { type Reply, RequestError } from "./requests";
import { SelectQueue } from "./select_queue";
import { Store } from "./store";
import { Tiles } from "./tiles";
import { Viewport, type Wanted } from "./viewport";

/** A request without an answer for this long (milliseconds) means that the kernel is busy. */
const BUSY_AFTER = 500;
const KEEP_AFTER = 250;
/** A restarted kernel lets go of its connections within this time (milliseconds). */
const DOUBT = 100;
const MEDIA = ["image/jpeg", "image/png", "image/webp"];

const GONE = {
  where: "kernel",
  message: "The kernel was restarted or is gone. Run the cell again to go on.",
  hint: "Until then you can pan, lasso and count what is here; no further images and values come.",
};

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

export class App {
  readonly store = new Store();
  readonly linked = new Linked(this.store);
  readonly tiles = new Tiles();
  readonly selects: SelectQueue;
  readonly asks: Asks;
  readonly viewport: Viewport;
  readonly coloring: ReadonlySignal<Coloring>;
  /** Whether anything that was asked for is still under way. */
  readonly waiting: ReadonlySignal<boolean>;
  /** Whether an answer, and whether anything at all, has been awaited for too long. */
  readonly unanswered = signal(false);
  readonly late = signal(false);
  /** There is no kernel any more: what the page knows by itself still works. */
  readonly lost = signal(false);
  /** The order that the grid paints: the newest one, or the one before while that travels. */
  readonly shown = signal(new Order(0, 0));
  /** Whether every tile on screen is painted with its captions, of the newest order. */
  readonly complete = signal(false);
  /** Set by the grid: the position whose row the detail view shows, or null. */
  readonly detail = signal<number | null>(null);

  #greeting: Greeting;
  #cancelKeep = () => {};

  constructor(
    readonly channel: Channel,
    readonly clock: Clock,
    readonly theme: ReadonlySignal<Mode>,
    readonly signal: AbortSignal,
  ) {
    const send = channel.send.bind(channel);
    this.selects = new SelectQueue(this.store, send, clock);
    this.asks = new Asks(send, clock);
    this.viewport = new Viewport(send, clock, (wanted) => this.#progress(wanted));
    this.#greeting = new Greeting(send, clock, devicePixelRatio, MEDIA);
    this.coloring = computed(() => coloring(this.store, theme.value));
    const { selects, asks, viewport } = this;
    const answer = computed(() => earliest(selects.since.value, asks.since.value));
    const since = computed(() => earliest(answer.value, viewport.since.value));
    this.waiting = computed(() => since.value !== null);
    this.#follow(answer, this.unanswered);
    this.#follow(since, this.late);
    this.#connect();
  }

  // ---- what views may do ----------------------------------------------------------------

  select(source: string, clause: Clause | null): void {
    if (!clause && !this.store.clauses.value.has(source)) return;
    this.selects.select(source, clause);
  }

  clearSelection(): void {
    batch(() => {
      for (const source of this.store.clauses.value.keys()) this.select(source, null);
    });
  }

  /** Asks the kernel and shows its error as a notice; null when there is no good answer. */
  async ask(op: Op, args: JsonObject, options: AskOptions = {}): Promise<Reply | null> {
    try {
      return await this.asks.ask(op, args, options);
    } catch (error) {
      if (error instanceof RequestError) {
        this.store.notify({ level: "error", ...error.error });
      } else if (!(error instanceof KernelGone) && !options.signal?.aborted) throw error;
      return null;
    }
  }

  /** The rows at positions [start, stop) of an order; null when the kernel does not give them. */
  async rowsBetween(
    epoch: number,
    start: number,
    stop: number,
    signal: AbortSignal,
  ): Promise<Uint32Array | null> {
    const reply = await this.ask("rows", { epoch, start, stop }, { signal });
    const data = reply?.buffers[0];
    if (!data) return null;
    const rows = asU32(data);
    this.store.apply({ kind: "rows", epoch, start, rows });
    return rows;
  }

  async sort(by: SortKey[]): Promise<void> {
    if (await this.ask("sort", { by })) this.keep({ sort: by });
  }

  setColor(name: string | null): void {
    this.keep({ color: name });
    if (name !== null) this.need(name);
  }

  setAxes({ x, y }: Axes): void {
    this.keep({ x, y });
    void this.ask("axes", { x, y });
  }

  /** Makes sure that a column can be counted and coloured by. */
  need(name: string): void {
    const there = this.store.facet(name) ?? this.store.point(name);
    if (!there || there.version === STALE) void this.ask("facet", { column: name });
  }

  keep(changes: Layout): void {
    const layout = { ...this.store.layout.value, ...changes };
    this.store.layout.value = layout;
    // A slider changes it many times a second: the kernel hears of it when the hand rests.
    this.#cancelKeep();
    this.#cancelKeep = this.clock.after(KEEP_AFTER, () => this.channel.set("_layout", layout));
  }

  // ---- wiring ---------------------------------------------------------------------------

  #progress({ epoch, start, stop, px }: Wanted) {
    const order = this.store.order.value;
    const absent: number[] = [];
    const known = order.epoch === epoch;
    if (known && this.store.schema.value?.image) {
      for (let position = start; position < Math.min(stop, order.rows); position++) {
        const row = order.at(position);
        if (row !== undefined && !this.tiles.has(row, px)) absent.push(row);
      }
    }
    return { ordered: known && order.covers(start, stop), absent, evicted: this.tiles.evicted };
  }

  #connect(): void {
    const { channel, store, signal: lifetime } = this;
    const follow = (trait: Trait, read: (value: unknown) => void) => {
      const update = () => this.#guard(trait, () => read(channel.get(trait)));
      channel.subscribe(trait, update, lifetime);
      update();
    };
    store.layout.value = parseLayout(channel.get("_layout"));
    follow("_schema", (value) => this.#setSchema(value));
    follow("_counts", (value) => (store.counts.value = parseCounts(value)));
    follow("_status", (value) => (store.status.value = parseStatus(value) ?? store.status.value));
    follow("_epoch", (value) => store.setEpoch(parseEpoch(value)));
    follow("_selection", (value) => {
      const selection = parseSelection(value);
      if (selection) this.selects.confirm(selection);
    });
    channel.onMessage((content, buffers) => {
      this.#greeting.heard();
      this.#guard("message", () => this.#receive(parseMessage(content, buffers)));
    }, lifetime);
    lifetime.addEventListener("abort", () => this.#stop(), { once: true });
    channel.onLost(() => this.#lose(), lifetime);
    let cancelDoubt = () => {};
    channel.onDoubt(() => {
      cancelDoubt();
      cancelDoubt = this.clock.after(DOUBT, () => this.#greeting.begin());
    }, lifetime);
    lifetime.addEventListener("abort", () => cancelDoubt(), { once: true });
    this.#greeting.begin();
    this.#needChosen();
  }

  #lose(): void {
    batch(() => {
      this.lost.value = true;
      this.#stopTalking();
      this.store.notify({ level: "warning", ...GONE });
    });
  }

  #setSchema(value: unknown): void {
    const before = this.store.schema.value;
    const schema = parseSchema(value);
    const layout = this.store.layout.value;
    this.store.setSchema(schema);
    // A page that is opened later must not find choices that Python has overruled.
    if (before && this.store.layout.value !== layout) this.keep({});
    if (before && (before.rows !== schema?.rows || before.image !== schema.image)) {
      this.tiles.clear();
    }
    if (!before) return;
    this.#needChosen();
    // With other columns the kernel starts afresh, also where the order stays the same.
    this.viewport.renew();
  }

  /** What the page itself chose to draw, and Python therefore does not send unasked. */
  #needChosen(): void {
    const { schema, layout } = this.store;
    const sent = [schema.value?.color, ...(schema.value?.histograms ?? [])];
    const chosen = [layout.value.color, ...(layout.value.histograms ?? [])];
    for (const name of chosen) if (name && !sent.includes(name)) this.need(name);
  }

  #receive(message: ReturnType<typeof parseMessage>): void {
    batch(() => {
      if (message.kind === "tiles") void this.#receiveTiles(message.px, message.tiles);
      else if (message.kind === "reply") this.asks.receive(message);
      else this.store.apply(message);
      if (message.kind === "rows") this.viewport.arrived();
    });
  }

  async #receiveTiles(...[px, tiles]: Parameters<Tiles["add"]>): Promise<void> {
    const decoded = this.tiles.add(px, tiles);
    this.viewport.arrived();
    await decoded;
    this.viewport.check();
  }

  /** What cannot be understood is shown, and nothing else is lost. */
  #guard(where: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error instanceof MissingBuffers && this.#greeting.withoutBuffers()) return;
      const hint =
        where === "_schema"
          ? "Install the same version of explorer in the kernel, restart it and run the cell again."
          : null;
      this.store.notify({ level: "error", where, message: error.message, hint });
    }
  }

  #follow(since: ReadonlySignal<number | null>, late: Signal<boolean>): void {
    let cancel = () => {};
    react(this.signal, () => {
      cancel();
      const at = since.value;
      if (at === null) {
        late.value = false;
        return;
      }
      const left = at + BUSY_AFTER - this.clock.now();
      if (left <= 0) late.value = true;
      else cancel = this.clock.after(left, () => (late.value = true));
    });
    this.signal.addEventListener("abort", () => cancel(), { once: true });
  }

  #stopTalking(): void {
    this.#cancelKeep();
    this.#greeting.stop();
    this.selects.stop();
    this.viewport.stop();
    this.asks.stop();
  }

  #stop(): void {
    if (!this.lost.value) this.#greeting.leave();
    this.#stopTalking();
    this.tiles.clear();
  }
}
