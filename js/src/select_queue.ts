/** Clauses on their way to the kernel: one in flight, the latest of each source waits. */

import { signal } from "@preact/signals-core";
import type { Clause } from "./clauses";
import { type Clock, patience } from "./clock";
import type { Outgoing, ServerSelection } from "./protocol";
import type { Store } from "./store";

type Wish = { source: string; clause: Clause | null };

function withWish(clauses: ReadonlyMap<string, Clause>, { source, clause }: Wish) {
  const next = new Map(clauses);
  if (clause) next.set(source, clause);
  else next.delete(source);
  return next;
}

/** `after`, with whatever is equal in `before` taken from there: nothing is evaluated twice. */
function keepEqual(before: ReadonlyMap<string, Clause>, after: ReadonlyMap<string, Clause>) {
  const kept = new Map<string, Clause>();
  let same = before.size === after.size;
  for (const [source, clause] of after) {
    const old = before.get(source);
    const equal = old !== undefined && JSON.stringify(old) === JSON.stringify(clause);
    kept.set(source, equal ? old : clause);
    same &&= equal;
  }
  return same ? before : kept;
}

export class SelectQueue {
  /** When the clause that is under way was first sent, or null. */
  readonly since = signal<number | null>(null);

  #seq = 0;
  #inFlight: (Wish & { seq: number }) | null = null;
  #waiting: Wish[] = [];
  #repeats = 0;
  #stopped = false;
  #cancelTimer = () => {};

  constructor(
    readonly store: Store,
    readonly send: (message: Outgoing) => void,
    readonly clock: Clock,
  ) {}

  /** Shows the clause at once and sends it as soon as the one before it is confirmed. */
  select(source: string, clause: Clause | null): void {
    const wish = { source, clause };
    this.store.clauses.value = withWish(this.store.clauses.value, wish);
    if (this.#stopped) return;
    this.#waiting = [...this.#waiting.filter((other) => other.source !== source), wish];
    this.#next();
  }

  /** The kernel's selection; one that does not yet include what was sent is passed over. */
  confirm(selection: ServerSelection): void {
    if (this.#inFlight && selection.seq < this.#inFlight.seq) return;
    this.#seq = Math.max(this.#seq, selection.seq);
    this.#inFlight = null;
    this.since.value = null;
    this.#cancelTimer();
    let clauses: ReadonlyMap<string, Clause> = selection.clauses;
    for (const wish of this.#waiting) clauses = withWish(clauses, wish);
    this.store.confirmed.value = selection;
    this.store.clauses.value = keepEqual(this.store.clauses.value, clauses);
    this.#next();
  }

  /** Clauses stay where they are, and what is selected from now on is known to the page alone. */
  stop(): void {
    this.#cancelTimer();
    this.#stopped = true;
    this.#inFlight = null;
    this.#waiting = [];
    this.since.value = null;
  }

  #next(): void {
    if (this.#inFlight) return;
    const wish = this.#waiting.shift();
    if (!wish) return;
    this.#inFlight = { ...wish, seq: ++this.#seq };
    this.#repeats = 0;
    this.since.value = this.clock.now();
    this.#transmit();
  }

  #transmit(): void {
    if (!this.#inFlight) return;
    const { seq, source, clause } = this.#inFlight;
    this.send({ kind: "select", seq, source, clause });
    this.#cancelTimer = this.clock.after(patience(this.#repeats++), () => this.#transmit());
  }
}
