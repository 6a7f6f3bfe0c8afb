import { describe, expect, test, vi } from "vitest";
import { kernelChannel, type WidgetModel } from "../src/channel";

type Listener = (...args: unknown[]) => void;

/** A model as anywidget hands it over, whose comm can be taken away. */
function model() {
  const listeners = new Map<string, Set<Listener>>();
  const state = { alive: true, sent: [] as unknown[] };
  const widget: WidgetModel = {
    get: () => undefined,
    set: () => {},
    save_changes: () => {},
    send: (content) => {
      if (!state.alive) throw new Error("Cannot send");
      state.sent.push(content);
    },
    on: (event, listener) => {
      listeners.set(event, (listeners.get(event) ?? new Set()).add(listener as Listener));
    },
    off: (event, listener) => listeners.get(event)?.delete(listener as Listener),
  };
  const trigger = (event: string) => listeners.get(event)?.forEach((listener) => listener());
  return { state, widget, trigger };
}

describe("a connection to the kernel", () => {
  const message = { kind: "cancel", rid: 1 } as const;

  test("a kernel that was restarted is told once, and nothing throws", () => {
    const { state, widget } = model();
    const channel = kernelChannel(widget);
    const lost = vi.fn();
    channel.onLost(lost, new AbortController().signal);
    channel.send(message);
    state.alive = false;
    channel.send(message);
    channel.send(message);
    expect(lost).toHaveBeenCalledTimes(1);
    expect(state.sent).toEqual([message]);
  });

  test("a comm that closes is lost without anything being sent", () => {
    const { widget, trigger } = model();
    const channel = kernelChannel(widget);
    const lost = vi.fn();
    channel.onLost(lost, new AbortController().signal);
    trigger("comm:close");
    trigger("comm:close");
    expect(lost).toHaveBeenCalledTimes(1);
  });

  test("a change of the connection is a reason to ask", () => {
    const { widget, trigger } = model();
    const doubt = vi.fn();
    const lifetime = new AbortController();
    kernelChannel(widget).onDoubt(doubt, lifetime.signal);
    trigger("comm_live_update");
    lifetime.abort();
    trigger("comm_live_update");
    expect(doubt).toHaveBeenCalledTimes(1);
  });
});
