/** One image large, with every value of its row. */

import type { App } from "../app";
import { clamp, h, react } from "../dom";
import { Fields, type Json } from "../fields";
import * as format from "../format";
import { icon, type IconName } from "../icons";
import { thumbnailSide } from "../order";
import type { Reply } from "../requests";
import { decodeInBrowser } from "../tiles";

type Value = { column: string; deferred: boolean; value: Json; error: string | null };

function readValues(fields: Fields): Value[] {
  return fields.children("values").map((entry) => ({
    column: entry.text("column"),
    deferred: entry.object["deferred"] === true,
    value: entry.object["value"] ?? null,
    error: entry.textOrNull("error"),
  }));
}

/** A short vector of probabilities as bars, the largest marked. */
function probabilities(values: number[], labels: string[]): HTMLElement {
  const most = Math.max(...values);
  const bars = values.map((value, i) => {
    const fill = h("span", { class: "ex-prob-fill" });
    fill.style.width = `${clamp(value, 0, 1) * 100}%`;
    return h(
      "div",
      { class: value === most ? "ex-prob ex-most" : "ex-prob" },
      h("span", { class: "ex-prob-label", text: labels[i] ?? String(i) }),
      h("span", { class: "ex-prob-track" }, fill),
      h("span", { class: "ex-count", text: value.toFixed(2) }),
    );
  });
  return h("div", { class: "ex-probs" }, ...bars);
}

function valueView(app: App, { column, value, error }: Value): Node {
  if (error !== null) return h("span", { class: "ex-error", text: error });
  const numbers = Array.isArray(value) && value.every((item) => typeof item === "number");
  if (column === "probs" && numbers && value.length > 0 && value.length <= 50) {
    // The classes have names when the predictions were counted by name.
    const meta = app.store.facet("pred")?.meta;
    const named = meta?.type === "category" && meta.labels.length === value.length;
    const labels = named ? meta.labels.map(format.scalar) : [];
    return probabilities(value as number[], labels);
  }
  const text = format.json(value, 2000);
  return h("span", { class: value === null ? "ex-null" : "", text });
}

export function detailView(app: App): HTMLElement {
  const { store, signal } = app;
  const canvas = h("canvas", { class: "ex-detail-picture" });
  const words = h("p", { class: "ex-detail-words" });
  const stage = h("div", { class: "ex-stage" }, canvas, words);
  const heading = h("h3", { class: "ex-title" });
  const table = h("dl", { class: "ex-values" });
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
    { class: "ex-card" },
    stage,
    h("div", { class: "ex-facts-side" }, head, table),
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

  function showValues(values: Value[]): void {
    table.replaceChildren(
      ...values.flatMap((value) => [
        h(
          "dt",
          {},
          h("span", { text: value.column, title: value.column }),
          value.deferred ? h("span", { class: "ex-tag", text: "deferred" }) : null,
        ),
        h("dd", {}, valueView(app, value)),
      ]),
    );
  }

  async function show({ content, buffers }: Reply, lifetime: AbortSignal): Promise<void> {
    const fields = new Fields("detail", content);
    showValues(readValues(fields));
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

  async function load(row: number): Promise<void> {
    request.abort();
    request = new AbortController();
    const lifetime = request.signal;
    preview(row);
    root.classList.add("ex-loading");
    const side = Math.max(stage.clientWidth, stage.clientHeight, 256);
    const px = thumbnailSide(side, devicePixelRatio);
    const reply = await app.ask("detail", { row, px }, lifetime);
    if (lifetime.aborted) return;
    root.classList.remove("ex-loading");
    if (reply) await show(reply, lifetime);
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
    table.replaceChildren();
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
    previous.disabled = position === 0;
    next.disabled = position >= order.rows - 1;
    root.dataset["row"] = row === undefined ? "" : String(row);
    if (row === undefined || row === asked) return;
    asked = row;
    void load(row);
  });
  signal.addEventListener("abort", () => request.abort(), { once: true });

  function trap(event: KeyboardEvent): void {
    const buttons = [previous, next, close].filter((item) => !item.disabled);
    const active = (root.getRootNode() as ShadowRoot).activeElement;
    const at = buttons.indexOf(active as HTMLButtonElement);
    const to = (at + (event.shiftKey ? -1 : 1) + buttons.length) % buttons.length;
    event.preventDefault();
    buttons[to]?.focus();
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
  root.addEventListener("click", (event) => {
    if (event.target === root) shut();
  });
  return root;
}
