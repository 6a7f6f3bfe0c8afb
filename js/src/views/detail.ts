/** One image large, with every value of its row. */

import type { App } from "../app";
import { clamp, h, react } from "../dom";
import { Fields } from "../fields";
import * as format from "../format";
import { icon, type IconName } from "../icons";
import { thumbnailSide } from "../order";
import { KernelGone, type Reply, RequestError } from "../requests";
import { decodeInBrowser } from "../tiles";
import { readValues, valueTable } from "./detail_values";

/** Without an answer for so long (milliseconds) a row is asked for again, and then given up. */
const AGAIN = 3_000;
const SILENT = 10_000;

const NO_ANSWER =
  "The kernel does not answer: it is busy, or gone. The values appear when it answers.";
const NO_KERNEL = "There is no kernel that could answer.";

export function detailView(app: App): HTMLElement {
  const { store, signal } = app;
  const canvas = h("canvas", { class: "ex-detail-picture" });
  const words = h("p", { class: "ex-detail-words" });
  const stage = h("div", { class: "ex-stage" }, canvas, words);
  const heading = h("h3", { class: "ex-title" });
  const table = valueTable(app);
  const trouble = h("p", { class: "ex-detail-trouble", attrs: { role: "status", hidden: true } });
  const button = (name: IconName, title: string, action: () => void) =>
    h(
      "button",
      {
        class: "ex-icon-button",
        title,
        attrs: { type: "button", "aria-label": title },
        on: { click: action },
      },
      icon(name),
    );
  const previous = button("left", "Previous image", () => step(-1));
  const next = button("right", "Next image", () => step(1));
  const close = button("close", "Close", shut);
  const head = h("div", { class: "ex-detail-head" }, heading, previous, next, close);
  const card = h(
    "div",
    // It takes the focus of a click beside the buttons: the keys must go on reaching the dialog.
    { class: "ex-card", attrs: { tabindex: -1 } },
    stage,
    h("div", { class: "ex-facts-side" }, head, trouble, table.element),
  );
  const root = h(
    "div",
    {
      class: "ex-detail",
      test: "detail",
      attrs: { role: "dialog", "aria-modal": true, "aria-label": "Image", hidden: true },
    },
    card,
  );
  let opener: HTMLElement | null = null;
  let request = new AbortController();
  let asked: number | null = null;

  function step(by: number): void {
    const position = app.detail.value;
    if (position === null) return;
    app.detail.value = clamp(position + by, 0, app.shown.value.rows - 1);
  }

  function shut(): void {
    app.detail.value = null;
  }

  /** The thumbnail at once, so that something is seen while the large picture travels. */
  function preview(row: number): void {
    const tile = app.tiles.get(row);
    if (tile?.state === "ready") paint(tile.picture);
    else canvas.hidden = true;
    words.textContent = tile?.state === "error" ? tile.message : "";
    stage.classList.toggle("ex-failed", tile?.state === "error");
  }

  function paint(picture: ImageBitmap): void {
    canvas.hidden = false;
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    const box = stage.getBoundingClientRect();
    const fit = Math.min((box.width - 32) / picture.width, (box.height - 48) / picture.height);
    // A small picture is enlarged, as squares; a large one only shrinks.
    const scale = Math.max(
      0.01,
      picture.width <= 256 && picture.height <= 256 ? fit : Math.min(1, fit),
    );
    canvas.style.width = `${picture.width * scale}px`;
    canvas.style.height = `${picture.height * scale}px`;
    canvas.classList.toggle("ex-pixelated", scale * devicePixelRatio > 2);
  }

  async function show({ content, buffers }: Reply, lifetime: AbortSignal): Promise<void> {
    const fields = new Fields("detail", content);
    table.show(readValues(fields));
    const error = fields.textOrNull("image_error");
    const [data] = buffers;
    if (error !== null || !data) {
      canvas.hidden = error !== null;
      stage.classList.toggle("ex-failed", error !== null);
      words.textContent = error ?? "";
      return;
    }
    const picture = await decodeInBrowser(data.slice(), fields.text("media"));
    if (!lifetime.aborted) {
      paint(picture);
      words.textContent = "";
      stage.classList.remove("ex-failed");
      const [w, tall] = [fields.object["source_w"], fields.object["source_h"]];
      if (typeof w === "number" && typeof tall === "number") {
        words.textContent = `${w} × ${tall} pixels`;
      }
    }
    picture.close();
  }

  function complain(words: string | null): void {
    trouble.hidden = words === null;
    trouble.textContent = words ?? "";
  }

  async function load(row: number): Promise<void> {
    request.abort();
    request = new AbortController();
    const lifetime = request.signal;
    preview(row);
    // Never the values of one row beside the picture of another.
    table.empty();
    complain(null);
    root.classList.add("ex-loading");
    const side = Math.max(stage.clientWidth, stage.clientHeight, 256);
    const px = thumbnailSide(side, devicePixelRatio);
    const cancelSilence = app.clock.after(SILENT, () => complain(NO_ANSWER));
    lifetime.addEventListener("abort", cancelSilence, { once: true });
    try {
      const options = { signal: lifetime, againAfter: AGAIN };
      const reply = await app.asks.ask("detail", { row, px }, options);
      if (lifetime.aborted) return;
      complain(null);
      await show(reply, lifetime);
    } catch (error) {
      if (lifetime.aborted) return;
      table.clear();
      if (error instanceof RequestError) complain(error.message);
      else if (error instanceof KernelGone) complain(NO_KERNEL);
      else throw error;
    } finally {
      cancelSilence();
      if (!lifetime.aborted) root.classList.remove("ex-loading");
    }
  }

  function open(): void {
    if (!root.hidden) return;
    opener = (root.getRootNode() as ShadowRoot).activeElement as HTMLElement | null;
    root.hidden = false;
    close.focus({ preventScroll: true });
  }

  function hide(): void {
    if (root.hidden) return;
    root.hidden = true;
    request.abort();
    asked = null;
    table.clear();
    complain(null);
    canvas.hidden = true;
    opener?.focus({ preventScroll: true });
  }

  react(signal, () => {
    const position = app.detail.value;
    const order = app.shown.value;
    void store.orderRevision.value;
    if (position === null) return hide();
    open();
    const row = order.at(position);
    heading.textContent = `${format.count(position + 1)} of ${format.count(order.rows)}`;
    // A button that is disabled while it has the focus would drop it out of the dialog.
    previous.setAttribute("aria-disabled", String(position === 0));
    next.setAttribute("aria-disabled", String(position >= order.rows - 1));
    stage.hidden = store.schema.value?.image == null;
    root.dataset["row"] = row === undefined ? "" : String(row);
    if (row === undefined || row === asked) return;
    asked = row;
    void load(row);
  });
  signal.addEventListener("abort", () => request.abort(), { once: true });

  function trap(event: KeyboardEvent): void {
    const buttons = [previous, next, close];
    const usable = buttons.filter((item) => item.getAttribute("aria-disabled") !== "true");
    const active = (root.getRootNode() as ShadowRoot).activeElement;
    const at = usable.indexOf(active as HTMLButtonElement);
    const from = at < 0 && event.shiftKey ? 0 : at;
    const to = (from + (event.shiftKey ? -1 : 1) + usable.length) % usable.length;
    event.preventDefault();
    usable[to]?.focus();
  }

  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") shut();
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "Tab") trap(event);
    else return;
    event.preventDefault();
  });
  for (const type of ["keyup", "keypress"] as const) {
    root.addEventListener(type, (event) => event.stopPropagation());
  }
  card.addEventListener("pointerdown", (event) => {
    if (!(event.target as Element).closest("button")) card.focus({ preventScroll: true });
  });
  root.addEventListener("click", (event) => {
    if (event.target === root) shut();
  });
  return root;
}
