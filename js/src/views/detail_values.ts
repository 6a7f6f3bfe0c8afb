/** Every value of one row, under the name of its column. */

import type { App } from "../app";
import { clamp, h } from "../dom";
import type { Fields, Json } from "../fields";
import * as format from "../format";

export type Value = {
  column: string;
  deferred: boolean;
  value: Json;
  error: string | null;
  /** How long a vector is of which only the first values were sent. */
  length?: number;
};

export function readValues(fields: Fields): Value[] {
  return fields.children("values").map((entry) => ({
    column: entry.text("column"),
    deferred: entry.object["deferred"] === true,
    value: entry.object["value"] ?? null,
    error: entry.textOrNull("error"),
    ...(entry.has("length") ? { length: entry.whole("length") } : {}),
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

export function valueWords({ value, length }: Value): string {
  return format.json(value, 2000, length);
}

function valueView(app: App, entry: Value): Node {
  const { column, value, error, length } = entry;
  if (error !== null) return h("span", { class: "ex-error", text: error });
  const numbers = Array.isArray(value) && value.every((item) => typeof item === "number");
  const whole = numbers && (length ?? value.length) === value.length;
  if (column === "probs" && whole && value.length > 0 && value.length <= 50) {
    // The classes have names when the predictions were counted by name.
    const meta = app.store.facet("pred")?.meta;
    const named = meta?.type === "category" && meta.labels.length === value.length;
    const labels = named ? meta.labels.map(format.scalar) : [];
    return probabilities(value as number[], labels);
  }
  return h("span", { class: value === null ? "ex-null" : "", text: valueWords(entry) });
}

export function valueTable(app: App) {
  const element = h("dl", { class: "ex-values" });
  return {
    element,
    show(values: Value[]): void {
      element.replaceChildren(
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
    },
    /** Takes the values of another row away; the names stay where they are. */
    empty(): void {
      for (const value of element.querySelectorAll("dd")) {
        value.style.minHeight = `${value.offsetHeight}px`;
        value.replaceChildren(h("span", { class: "ex-wait", text: "…" }));
      }
    },
    clear(): void {
      element.replaceChildren();
    },
  };
}
