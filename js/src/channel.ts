/** What the page talks to: a kernel now, data embedded in a static page another time. */

import type { HostBuffer } from "./bytes";
import type { Outgoing } from "./protocol";

export type Trait = "_schema" | "_counts" | "_epoch" | "_selection" | "_status" | "_layout";

export interface Channel {
  get(trait: Trait): unknown;
  subscribe(trait: Trait, listener: () => void, signal: AbortSignal): void;
  set(trait: "_layout", value: object): void;
  send(content: Outgoing, buffers?: Uint8Array<ArrayBuffer>[]): void;
  onMessage(
    listener: (content: unknown, buffers: readonly HostBuffer[]) => void,
    signal: AbortSignal,
  ): void;
  /** The kernel cannot be reached any more: nothing that is sent arrives. Told once. */
  onLost(listener: () => void, signal: AbortSignal): void;
  /** Something happened to the connection: a message would show whether it still stands. */
  onDoubt(listener: () => void, signal: AbortSignal): void;
}

/** The part of anywidget's model that is used. */
export interface WidgetModel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(content: unknown, callbacks?: unknown, buffers?: ArrayBufferView[]): void;
  on(event: string, listener: (...args: never[]) => void): void;
  off(event: string, listener: (...args: never[]) => void): void;
}

function listen(
  model: WidgetModel,
  event: string,
  listener: (...args: never[]) => void,
  signal: AbortSignal,
): void {
  model.on(event, listener);
  signal.addEventListener("abort", () => model.off(event, listener), { once: true });
}

export function kernelChannel(model: WidgetModel): Channel {
  const lost = new AbortController();
  /** A comm of a kernel that was restarted throws whatever is done with it. */
  const attempt = (action: () => void) => {
    if (lost.signal.aborted) return;
    try {
      action();
    } catch {
      lost.abort();
    }
  };
  return {
    get: (trait) => model.get(trait),
    subscribe: (trait, listener, signal) =>
      listen(model, `change:${trait}`, () => listener(), signal),
    set: (trait, value) => {
      model.set(trait, value);
      attempt(() => model.save_changes());
    },
    send: (content, buffers = []) => attempt(() => model.send(content, undefined, buffers)),
    onMessage: (listener, signal) =>
      listen(
        model,
        "msg:custom",
        (content: unknown, buffers?: HostBuffer[]) => listener(content, buffers ?? []),
        signal,
      ),
    onLost: (listener, signal) => {
      lost.signal.addEventListener("abort", listener, { once: true, signal });
      listen(model, "comm:close", () => lost.abort(), signal);
    },
    onDoubt: (listener, signal) => listen(model, "comm_live_update", () => listener(), signal),
  };
}
