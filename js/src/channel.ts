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
  return {
    get: (trait) => model.get(trait),
    subscribe: (trait, listener, signal) =>
      listen(model, `change:${trait}`, () => listener(), signal),
    set: (trait, value) => {
      model.set(trait, value);
      model.save_changes();
    },
    send: (content, buffers = []) => model.send(content, undefined, buffers),
    onMessage: (listener, signal) =>
      listen(
        model,
        "msg:custom",
        (content: unknown, buffers?: HostBuffer[]) => listener(content, buffers ?? []),
        signal,
      ),
  };
}
