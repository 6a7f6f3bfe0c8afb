/** Rows picked one by one or as a range from an anchor, as in lists of files. */

import type { Order } from "./order";

export type PickingOptions = {
  order(): Order;
  picked(): ReadonlySet<number>;
  pick(rows: ReadonlySet<number>): void;
  /** The rows at positions [start, stop), of which some are not here; null when none come. */
  fetch(
    epoch: number,
    start: number,
    stop: number,
    signal: AbortSignal,
  ): Promise<ArrayLike<number> | null>;
};

/** One range that grows and shrinks with its moving end, over what was picked before it. */
type Run = { epoch: number; before: ReadonlySet<number>; made: number };

export class Picking {
  #anchor = 0;
  #run: Run | null = null;
  #request = new AbortController();

  constructor(readonly options: PickingOptions) {}

  toggle(position: number): void {
    this.stop();
    const row = this.options.order().at(position);
    if (row === undefined) return;
    const rows = new Set(this.options.picked());
    if (!rows.delete(row)) rows.add(row);
    this.#anchor = position;
    this.options.pick(rows);
  }

  /** Picks everything between the anchor and a position, also what the page has not seen. */
  async extend(position: number): Promise<void> {
    this.#request.abort();
    this.#request = new AbortController();
    const { signal } = this.#request;
    const order = this.options.order();
    const run = this.#current(order.epoch);
    this.#run = run;
    const start = Math.min(this.#anchor, position);
    const stop = Math.min(Math.max(this.#anchor, position) + 1, order.rows);
    const rows = order.covers(start, stop)
      ? Array.from({ length: stop - start }, (_, i) => order.at(start + i) as number)
      : await this.options.fetch(order.epoch, start, stop, signal);
    if (!rows || signal.aborted || this.options.order().epoch !== order.epoch) return;
    const picked = new Set(this.#undisturbed(run) ? run.before : this.options.picked());
    for (let i = 0; i < rows.length; i++) picked.add(rows[i] as number);
    run.made = picked.size;
    this.options.pick(picked);
  }

  /** As `extend`; a range that does not go on with the one before starts at `from`. */
  async extendFrom(from: number, position: number): Promise<void> {
    const { epoch } = this.options.order();
    if (!this.#run || this.#current(epoch) !== this.#run) this.#anchor = from;
    await this.extend(position);
  }

  /** The next range is a new one; rows that travel are still picked. */
  end(): void {
    this.#run = null;
  }

  stop(): void {
    this.#request.abort();
    this.end();
  }

  /** Another order: positions mean other rows. */
  reset(): void {
    this.stop();
    this.#anchor = 0;
  }

  #current(epoch: number): Run {
    const run = this.#run;
    if (run && run.epoch === epoch && this.#undisturbed(run)) return run;
    const picked = this.options.picked();
    return { epoch, before: new Set(picked), made: picked.size };
  }

  /** Whether nothing but the run itself has picked rows since it began. */
  #undisturbed(run: Run): boolean {
    return run.made === this.options.picked().size;
  }
}
