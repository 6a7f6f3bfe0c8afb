/** Tells the kernel which rows are on screen, and again while something of them is missing. */

import { signal } from "@preact/signals-core";
import { type Clock, patience } from "./clock";
import type { Outgoing } from "./protocol";

/** What the grid wants now: absolute, the latest wins. */
export type Wanted = {
  epoch: number;
  start: number;
  stop: number;
  ahead: [start: number, stop: number];
  px: number;
  columns: string[];
};

/** What the page has of a wanted range. */
export type Progress = {
  /** Whether the rows at all positions on screen are known. */
  ordered: boolean;
  /** Rows on screen without a thumbnail of the wanted size. */
  absent: number[];
  /** Those of them that had one which was thrown away. */
  evicted: ReadonlySet<number>;
};

const THROTTLE = 80;
/** A thumbnail asked for this long ago (milliseconds) and not here counts as missing. */
const OVERDUE = 1000;

export class Viewport {
  /** When the oldest thing still awaited was asked for, or null. */
  readonly since = signal<number | null>(null);

  #wanted: Wanted | null = null;
  #seq = 0;
  #sentAt = -Infinity;
  #changed = false;
  #repeats = 0;
  #asked = new Map<number, number>();
  #askedPx = 0;
  #cancelTimer = () => {};
  #timerAt = Infinity;
  #stopped = false;

  constructor(
    readonly send: (message: Outgoing) => void,
    readonly clock: Clock,
    readonly progress: (wanted: Wanted) => Progress,
  ) {}

  declare(wanted: Wanted): void {
    if (this.#stopped || JSON.stringify(wanted) === JSON.stringify(this.#wanted)) return;
    this.#wanted = wanted;
    this.#changed = true;
    this.#repeats = 0;
    this.#schedule(Math.max(0, this.#sentAt + THROTTLE - this.clock.now()));
  }

  /** The kernel knows nothing of the screen any more: says the same again. */
  renew(): void {
    if (!this.#wanted || this.#stopped) return;
    this.#changed = true;
    this.#repeats = 0;
    this.#schedule(0);
  }

  /** Something arrived: what is still missing gets its full second again. */
  arrived(): void {
    this.#repeats = 0;
    this.check();
  }

  /** Looks whether anything on screen is still missing. */
  check(): void {
    if (!this.#wanted || this.#stopped) return;
    const { ordered, absent } = this.progress(this.#wanted);
    if (ordered && absent.length === 0) {
      this.since.value = null;
      if (!this.#changed) this.#stopTimer();
    } else {
      this.since.value ??= this.clock.now();
      if (this.#timerAt === Infinity) this.#schedule(patience(this.#repeats));
    }
  }

  /** Sends nothing any more and waits for nothing. */
  stop(): void {
    this.#stopTimer();
    this.#stopped = true;
    this.since.value = null;
  }

  #stopTimer(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    this.#timerAt = Infinity;
  }

  #schedule(delay: number): void {
    const at = this.clock.now() + delay;
    if (at >= this.#timerAt) return;
    this.#stopTimer();
    this.#timerAt = at;
    this.#cancelTimer = this.clock.after(delay, () => {
      this.#timerAt = Infinity;
      this.#transmit();
    });
  }

  #transmit(): void {
    const wanted = this.#wanted;
    if (!wanted) return;
    const { ordered, absent, evicted } = this.progress(wanted);
    if (!this.#changed && ordered && absent.length === 0) return this.check();
    const now = this.clock.now();
    if (wanted.px !== this.#askedPx) this.#asked.clear();
    this.#askedPx = wanted.px;
    const overdue = (row: number) => now - (this.#asked.get(row) ?? now) >= OVERDUE;
    const missing = absent.filter((row) => evicted.has(row) || overdue(row));
    this.#asked = new Map(absent.map((row) => [row, this.#asked.get(row) ?? now]));
    this.#changed = false;
    this.#sentAt = now;
    this.send({ kind: "viewport", seq: ++this.#seq, ...wanted, missing });
    if (!ordered || absent.length > 0) this.since.value ??= now;
    this.#schedule(patience(this.#repeats++));
  }
}
