/** Time as an argument: tests step it, the page uses the browser's. */

export type Clock = {
  /** Milliseconds from some fixed point. */
  now(): number;
  /** Calls `action` once after `ms`; the result takes it back. */
  after(ms: number, action: () => void): () => void;
};

export const browserClock: Clock = {
  now: () => performance.now(),
  after: (ms, action) => {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
};

/** Waiting times before the first, second, ... repetition of a request without an answer. */
export function patience(repeats: number): number {
  return Math.min(8000, 1000 * 2 ** repeats);
}
