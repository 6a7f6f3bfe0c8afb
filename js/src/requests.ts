/** Questions to the kernel that get one reply each, and the first hello. */

import { signal } from "@preact/signals-core";
import type { Bytes } from "./bytes";
import type { Clock } from "./clock";
import type { JsonObject } from "./fields";
import { HELLO_BYTES, type Incoming, type Op, type Outgoing, PROTOCOL } from "./protocol";
import type { WireError } from "./protocol";

type Send = (message: Outgoing, buffers?: Bytes[]) => void;
type ReplyMessage = Extract<Incoming, { kind: "reply" }>;
export type Reply = { content: JsonObject; buffers: Bytes[] };

/** The kernel answered with an error meant for the person at the notebook. */
export class RequestError extends Error {
  override name = "RequestError";
  constructor(readonly error: WireError) {
    super(error.message);
  }
}

/** There is no kernel that could answer. */
export class KernelGone extends Error {
  override name = "KernelGone";
}

export type AskOptions = {
  signal?: AbortSignal;
  /** Asks once more after so many milliseconds without an answer. */
  againAfter?: number;
};
/** `rids`: a question that is asked once more has two, and whichever is answered first counts. */
type Question = {
  rids: number[];
  since: number;
  resolve(reply: Reply): void;
  reject(error: Error): void;
  cancelTimer(): void;
};

/**
 * Numbers no other page uses for the same kernel: what it still keeps of a page that was
 * reloaded, or of another display of the view, must not meet a new question.
 */
export function freshRid(now = Date.now(), random = Math.random()): number {
  return (now % 1e9) * 1e6 + Math.floor(random * 1e6);
}

export class Asks {
  /** When the oldest open question was asked, or null. */
  readonly since = signal<number | null>(null);

  #open = new Map<number, Question>();
  #stopped = false;

  constructor(
    readonly send: Send,
    readonly clock: Clock,
    private nextRid = freshRid(),
  ) {}

  /**
   * Rejects with `RequestError` when the kernel says no, with `KernelGone` when there is none,
   * and with the signal's reason on abort.
   */
  ask(op: Op, args: JsonObject, { signal, againAfter }: AskOptions = {}): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      if (this.#stopped) return reject(new KernelGone("no kernel"));
      const since = this.clock.now();
      const question: Question = { rids: [], since, resolve, reject, cancelTimer: () => {} };
      const transmit = () => {
        const rid = this.nextRid++;
        question.rids.push(rid);
        this.#open.set(rid, question);
        this.send({ kind: "ask", rid, op, args });
      };
      signal?.addEventListener("abort", () => this.#cancel(question, signal.reason), {
        once: true,
      });
      if (againAfter !== undefined) {
        question.cancelTimer = this.clock.after(againAfter, transmit);
      }
      transmit();
      this.#note();
    });
  }

  receive(reply: ReplyMessage): void {
    const question = this.#open.get(reply.rid);
    if (!question) return;
    this.#open.delete(reply.rid);
    this.#close(question);
    if (reply.ok) question.resolve({ content: reply.content, buffers: reply.buffers });
    else question.reject(new RequestError(reply.error));
  }

  /** Asks nothing any more: what is open has no answer. */
  stop(): void {
    this.#stopped = true;
    for (const question of new Set(this.#open.values())) {
      question.cancelTimer();
      question.reject(new KernelGone("no kernel"));
    }
    this.#open.clear();
    this.#note();
  }

  #cancel(question: Question, reason: unknown): void {
    if (!question.rids.some((rid) => this.#open.has(rid))) return;
    this.#close(question);
    question.reject(reason instanceof Error ? reason : new Error("cancelled"));
  }

  /** Takes back what of a question is still open. */
  #close(question: Question): void {
    question.cancelTimer();
    for (const rid of question.rids) {
      if (this.#open.delete(rid)) this.send({ kind: "cancel", rid });
    }
    this.#note();
  }

  #note(): void {
    const oldest = this.#open.values().next();
    this.since.value = oldest.done ? null : oldest.value.since;
  }
}

/**
 * Says hello until anything is heard, and once more when buffers turn out to be dropped; says bye
 * when the page goes, so that the kernel computes nothing for it any more.
 */
export class Greeting {
  #heard = false;
  #buffers = true;
  #cancelTimer = () => {};

  constructor(
    readonly send: Send,
    readonly clock: Clock,
    readonly dpr: number,
    readonly media: string[],
    readonly page = freshRid(),
  ) {}

  begin(): void {
    const { page, dpr, media } = this;
    const content = { kind: "hello" as const, protocol: PROTOCOL, page, dpr, media };
    const buffers = this.#buffers ? [HELLO_BYTES] : [];
    this.send({ ...content, buffers: this.#buffers }, buffers);
    this.#cancelTimer();
    if (this.#heard) return;
    this.#cancelTimer = this.clock.after(1000, () => this.begin());
  }

  heard(): void {
    this.#heard = true;
    this.#cancelTimer();
  }

  /** The host drops buffers: asks for base64 instead, once. Says whether that was new. */
  withoutBuffers(): boolean {
    if (!this.#buffers) return false;
    this.#buffers = false;
    this.begin();
    return true;
  }

  leave(): void {
    this.stop();
    this.send({ kind: "bye", page: this.page });
  }

  stop(): void {
    this.#heard = true;
    this.#cancelTimer();
  }
}
