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

type Pending = { resolve(reply: Reply): void; reject(error: Error): void; since: number };

export class Asks {
  /** When the oldest open question was asked, or null. */
  readonly since = signal<number | null>(null);

  #rid = 0;
  #open = new Map<number, Pending>();

  constructor(
    readonly send: Send,
    readonly clock: Clock,
  ) {}

  /** Rejects with `RequestError` when the kernel says no, and with the signal's reason on abort. */
  ask(op: Op, args: JsonObject, signal?: AbortSignal): Promise<Reply> {
    const rid = ++this.#rid;
    return new Promise<Reply>((resolve, reject) => {
      this.#open.set(rid, { resolve, reject, since: this.clock.now() });
      signal?.addEventListener("abort", () => this.#cancel(rid, signal.reason), { once: true });
      this.#note();
      this.send({ kind: "ask", rid, op, args });
    });
  }

  receive(reply: ReplyMessage): void {
    const pending = this.#open.get(reply.rid);
    if (!pending) return;
    this.#open.delete(reply.rid);
    this.#note();
    if (reply.ok) pending.resolve({ content: reply.content, buffers: reply.buffers });
    else pending.reject(new RequestError(reply.error));
  }

  #cancel(rid: number, reason: unknown): void {
    const pending = this.#open.get(rid);
    if (!pending) return;
    this.#open.delete(rid);
    this.#note();
    this.send({ kind: "cancel", rid });
    pending.reject(reason instanceof Error ? reason : new Error("cancelled"));
  }

  #note(): void {
    const oldest = this.#open.values().next();
    this.since.value = oldest.done ? null : oldest.value.since;
  }
}

/** Says hello until anything is heard, and once more when buffers turn out to be dropped. */
export class Greeting {
  #heard = false;
  #buffers = true;
  #cancelTimer = () => {};

  constructor(
    readonly send: Send,
    readonly clock: Clock,
    readonly dpr: number,
    readonly media: string[],
  ) {}

  begin(): void {
    const { dpr, media } = this;
    const content = { kind: "hello" as const, protocol: PROTOCOL, dpr, media };
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

  stop(): void {
    this.#cancelTimer();
  }
}
