import { describe, expect, test } from "vitest";
import type { Clause } from "../src/clauses";
import type { JsonObject } from "../src/fields";
import type { Outgoing, ServerSelection } from "../src/protocol";
import { Asks, freshRid, Greeting, KernelGone, RequestError } from "../src/requests";
import { SelectQueue } from "../src/select_queue";
import { Store } from "../src/store";
import { type Progress, Viewport, type Wanted } from "../src/viewport";
import { SteppedClock } from "./clock";
import { messageCases } from "./golden";

const label = (...values: number[]): Clause => ({ type: "category", column: "label", values });
const SOURCE = "histogram:label";

function confirmed(seq: number, clauses: [string, Clause][]): ServerSelection {
  return { seq, clauses: new Map(clauses), rows: 0, code: null };
}

function golden(kind: string): JsonObject {
  return messageCases.find(({ content, valid }) => valid && content["kind"] === kind)
    ?.content as JsonObject;
}

describe("selecting", () => {
  function queue() {
    const sent: Outgoing[] = [];
    const [store, clock] = [new Store(), new SteppedClock()];
    const selects = new SelectQueue(store, (message) => sent.push(message), clock);
    const seqs = () => sent.map((message) => (message.kind === "select" ? message.seq : null));
    return { sent, store, clock, selects, seqs };
  }

  test("a clause is seen at once and sent", () => {
    const { sent, store, selects } = queue();
    selects.select(SOURCE, label(1));
    expect(store.clauses.value.get(SOURCE)).toEqual(label(1));
    expect(sent).toEqual([{ kind: "select", seq: 1, source: SOURCE, clause: label(1) }]);
    expect(Object.keys(sent[0] as object).sort()).toEqual(Object.keys(golden("select")).sort());
  });

  test("one is in flight, the latest of each source waits", () => {
    const { sent, selects } = queue();
    selects.select(SOURCE, label(1));
    selects.select(SOURCE, label(2));
    selects.select("grid", { type: "rows", rows: [1] });
    selects.select(SOURCE, label(3));
    expect(sent).toHaveLength(1);
    selects.confirm(confirmed(1, [[SOURCE, label(1)]]));
    expect(sent[1]).toMatchObject({ seq: 2, source: "grid" });
    selects.confirm(confirmed(2, []));
    expect(sent[2]).toMatchObject({ seq: 3, source: SOURCE, clause: label(3) });
    selects.confirm(confirmed(3, []));
    expect(sent).toHaveLength(3);
    expect(selects.since.value).toBeNull();
  });

  test("a selection that does not know the latest clause is passed over", () => {
    const { store, selects } = queue();
    selects.select(SOURCE, label(1));
    selects.confirm(confirmed(0, []));
    expect(store.clauses.value.get(SOURCE)).toEqual(label(1));
  });

  test("what Python says wins once it includes what was sent", () => {
    const { store, selects } = queue();
    selects.select(SOURCE, label(1));
    selects.confirm(confirmed(1, [["python", { type: "mask", version: 1, code: "x" }]]));
    expect([...store.clauses.value.keys()]).toEqual(["python"]);
    selects.confirm(confirmed(1, []));
    expect(store.clauses.value.size).toBe(0);
  });

  test("a clause that waits is kept when the one before it is confirmed", () => {
    const { store, selects } = queue();
    selects.select(SOURCE, label(1));
    selects.select(SOURCE, null);
    selects.confirm(confirmed(1, [[SOURCE, label(1)]]));
    expect(store.clauses.value.has(SOURCE)).toBe(false);
  });

  test("numbers go on from what another page has sent", () => {
    const { selects, seqs } = queue();
    selects.confirm(confirmed(57, []));
    selects.select(SOURCE, label(1));
    expect(seqs()).toEqual([58]);
  });

  test("an equal clause keeps its identity, so that nothing is evaluated again", () => {
    const { store, selects } = queue();
    const clause = label(1);
    selects.select(SOURCE, clause);
    const before = store.clauses.value;
    selects.confirm(confirmed(1, [[SOURCE, label(1)]]));
    expect(store.clauses.value).toBe(before);
  });

  test("once stopped, a clause is still seen on the page and nothing is sent", () => {
    const { sent, store, clock, selects } = queue();
    selects.select(SOURCE, label(1));
    selects.stop();
    selects.select(SOURCE, label(2));
    clock.advance(60_000);
    expect(store.clauses.value.get(SOURCE)).toEqual(label(2));
    expect(sent).toHaveLength(1);
    expect(selects.since.value).toBeNull();
  });

  test("without an answer the same request is repeated, ever more patiently", () => {
    const { clock, selects, seqs } = queue();
    selects.select(SOURCE, label(1));
    clock.advance(999);
    expect(seqs()).toEqual([1]);
    clock.advance(1);
    expect(seqs()).toEqual([1, 1]);
    clock.advance(2000);
    expect(seqs()).toEqual([1, 1, 1]);
    selects.confirm(confirmed(1, []));
    clock.advance(60_000);
    expect(seqs()).toEqual([1, 1, 1]);
  });
});

describe("the viewport", () => {
  const wanted = (start: number): Wanted => ({
    epoch: 1,
    start,
    stop: start + 2,
    ahead: [start + 2, start + 4],
    px: 96,
    columns: ["label"],
  });

  function viewport() {
    const sent: (Outgoing & { kind: "viewport" })[] = [];
    const clock = new SteppedClock();
    const state: Progress = { ordered: false, absent: [], evicted: new Set() };
    const view = new Viewport(
      (message) => message.kind === "viewport" && sent.push(message),
      clock,
      () => state,
    );
    return { sent, clock, state, view };
  }

  test("the first is sent at once, with the fields of the golden message", () => {
    const { sent, clock, view } = viewport();
    view.declare(wanted(0));
    clock.advance(0);
    expect(sent).toEqual([{ kind: "viewport", seq: 1, ...wanted(0), missing: [] }]);
    expect(Object.keys(sent[0] as object).sort()).toEqual(Object.keys(golden("viewport")).sort());
  });

  test("a fast scroll sends the latest, every 80 ms", () => {
    const { sent, clock, view } = viewport();
    for (let step = 0; step < 40; step++) {
      view.declare(wanted(step));
      clock.advance(10);
    }
    clock.advance(80);
    expect(sent.length).toBeGreaterThanOrEqual(5);
    expect(sent.length).toBeLessThanOrEqual(6);
    expect(sent.at(-1)?.start).toBe(39);
  });

  test("the same again sends nothing", () => {
    const { sent, clock, state, view } = viewport();
    state.ordered = true;
    view.declare(wanted(0));
    clock.advance(500);
    view.declare(wanted(0));
    clock.advance(20_000);
    expect(sent).toHaveLength(1);
    expect(view.since.value).toBeNull();
  });

  test("after a second without an answer it is repeated, naming what is missing", () => {
    const { sent, clock, state, view } = viewport();
    Object.assign(state, { ordered: true, absent: [7, 8] });
    view.declare(wanted(0));
    clock.advance(0);
    expect(sent[0]?.missing).toEqual([]);
    state.absent = [8];
    clock.advance(1000);
    expect(sent[1]?.missing).toEqual([8]);
    expect(sent[1]?.seq).toBe(2);
    state.absent = [];
    view.arrived();
    clock.advance(20_000);
    expect(sent).toHaveLength(2);
  });

  test("a thumbnail that was thrown away is asked for at once", () => {
    const { sent, clock, state, view } = viewport();
    Object.assign(state, { ordered: true, absent: [7, 8], evicted: new Set([8]) });
    view.declare(wanted(0));
    clock.advance(0);
    expect(sent[0]?.missing).toEqual([8]);
  });

  test("when the kernel has forgotten the screen, the same is said again", () => {
    const { sent, clock, state, view } = viewport();
    state.ordered = true;
    view.declare(wanted(0));
    clock.advance(500);
    view.renew();
    clock.advance(0);
    expect(sent.map(({ start }) => start)).toEqual([0, 0]);
    expect(sent[1]?.seq).toBe(2);
  });

  test("once stopped it sends nothing and waits for nothing", () => {
    const { sent, clock, view } = viewport();
    view.declare(wanted(0));
    clock.advance(0);
    view.stop();
    view.declare(wanted(2));
    view.check();
    view.renew();
    clock.advance(60_000);
    expect(sent).toHaveLength(1);
    expect(view.since.value).toBeNull();
  });

  test("it knows since when it waits", () => {
    const { clock, state, view } = viewport();
    clock.advance(50);
    view.declare(wanted(0));
    clock.advance(0);
    expect(view.since.value).toBe(50);
    state.ordered = true;
    view.arrived();
    expect(view.since.value).toBeNull();
  });
});

describe("questions", () => {
  function asks() {
    const sent: Outgoing[] = [];
    const clock = new SteppedClock();
    return { sent, clock, asks: new Asks((message) => sent.push(message), clock, 1) };
  }

  test("each reply finds its question", async () => {
    const { sent, asks: questions } = asks();
    const first = questions.ask("sort", { by: [] });
    const second = questions.ask("detail", { row: 1, px: 96 });
    expect(sent.map((message) => message.kind === "ask" && message.rid)).toEqual([1, 2]);
    expect(Object.keys(sent[0] as object).sort()).toEqual(Object.keys(golden("ask")).sort());
    questions.receive({ kind: "reply", rid: 2, ok: true, content: { a: 2 }, buffers: [] });
    expect(questions.since.value).not.toBeNull();
    questions.receive({ kind: "reply", rid: 1, ok: true, content: { a: 1 }, buffers: [] });
    expect((await first).content).toEqual({ a: 1 });
    expect((await second).content).toEqual({ a: 2 });
    expect(questions.since.value).toBeNull();
  });

  test("an error is for the person to read", async () => {
    const { asks: questions } = asks();
    const answer = questions.ask("sort", { by: [] });
    const error = { where: "sort", message: "no column", hint: null };
    questions.receive({ kind: "reply", rid: 1, ok: false, error });
    await expect(answer).rejects.toThrow(RequestError);
  });

  test("a question that is taken back is cancelled, and its late reply dropped", async () => {
    const { sent, asks: questions } = asks();
    const lifetime = new AbortController();
    const answer = questions.ask("detail", { row: 1, px: 96 }, { signal: lifetime.signal });
    lifetime.abort();
    await expect(answer).rejects.toThrow();
    expect(sent[1]).toEqual({ kind: "cancel", rid: 1 });
    questions.receive({ kind: "reply", rid: 1, ok: true, content: {}, buffers: [] });
  });

  test("what was answered is not cancelled", async () => {
    const { sent, asks: questions } = asks();
    const lifetime = new AbortController();
    const answer = questions.ask("detail", { row: 1, px: 96 }, { signal: lifetime.signal });
    questions.receive({ kind: "reply", rid: 1, ok: true, content: {}, buffers: [] });
    lifetime.abort();
    await answer;
    expect(sent).toHaveLength(1);
  });

  test("an unanswered question is asked once more, and the first answer counts", async () => {
    const { sent, clock, asks: questions } = asks();
    const answer = questions.ask("detail", { row: 1, px: 96 }, { againAfter: 3000 });
    clock.advance(2999);
    expect(sent).toHaveLength(1);
    clock.advance(60_000);
    expect(sent[1]).toEqual({ kind: "ask", rid: 2, op: "detail", args: { row: 1, px: 96 } });
    expect(sent).toHaveLength(2);
    questions.receive({ kind: "reply", rid: 2, ok: true, content: { a: 2 }, buffers: [] });
    expect((await answer).content).toEqual({ a: 2 });
    expect(sent[2]).toEqual({ kind: "cancel", rid: 1 });
    expect(questions.since.value).toBeNull();
  });

  test("an answered question is not asked again", async () => {
    const { sent, clock, asks: questions } = asks();
    const answer = questions.ask("detail", { row: 1, px: 96 }, { againAfter: 3000 });
    questions.receive({ kind: "reply", rid: 1, ok: true, content: {}, buffers: [] });
    await answer;
    clock.advance(60_000);
    expect(sent).toHaveLength(1);
  });

  test("two pages of one kernel never number their questions alike", () => {
    const [early, late] = [freshRid(1_700_000_000_000, 0), freshRid(1_700_000_000_001, 0)];
    expect(late - early).toBe(1e6);
    expect(freshRid(1_700_000_000_000, 0.5)).not.toBe(early);
    expect(Number.isSafeInteger(freshRid(999_999_999, 0.999_999_9))).toBe(true);
  });

  test("without a kernel every question ends at once, and nothing is sent", async () => {
    const { sent, clock, asks: questions } = asks();
    const open = questions.ask("detail", { row: 1, px: 96 }, { againAfter: 3000 });
    questions.stop();
    await expect(open).rejects.toThrow(KernelGone);
    await expect(questions.ask("sort", { by: [] })).rejects.toThrow(KernelGone);
    clock.advance(60_000);
    expect(sent).toHaveLength(1);
    expect(questions.since.value).toBeNull();
  });
});

describe("hello", () => {
  test("it is repeated each second until anything is heard", () => {
    const sent: [Outgoing, unknown][] = [];
    const clock = new SteppedClock();
    const greeting = new Greeting((m, b) => sent.push([m, b]), clock, 2, ["image/png"], 7);
    greeting.begin();
    clock.advance(2500);
    expect(sent).toHaveLength(3);
    greeting.heard();
    clock.advance(60_000);
    expect(sent).toHaveLength(3);
    expect(Object.keys(sent[0]?.[0] as object).sort()).toEqual(Object.keys(golden("hello")).sort());
    expect(greeting.withoutBuffers()).toBe(true);
    expect(sent[3]).toEqual([
      { kind: "hello", protocol: 1, page: 7, dpr: 2, media: ["image/png"], buffers: false },
      [],
    ]);
    expect(greeting.withoutBuffers()).toBe(false);
    greeting.leave();
    clock.advance(60_000);
    expect(sent.slice(4).map(([message]) => message)).toEqual([{ kind: "bye", page: 7 }]);
  });
});
