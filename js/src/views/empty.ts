/** What the grid says when it has no tiles to show. */

import type { App } from "../app";
import { h, react } from "../dom";

export function emptyState(app: App): HTMLElement {
  const title = h("p", { class: "ex-empty-title" });
  const words = h("p", { class: "ex-empty-words" });
  const clear = h("button", {
    class: "ex-button",
    text: "Clear selection",
    attrs: { type: "button" },
    on: { click: () => app.clearSelection() },
  });
  const element = h("div", { class: "ex-empty", attrs: { role: "status" } }, title, words, clear);
  react(app.signal, () => {
    const epoch = app.store.epoch.value;
    const filtered = app.store.clauses.value.size > 0;
    const empty = app.shown.value.rows === 0 && (epoch?.rows ?? 0) === 0;
    element.hidden = !empty;
    element.classList.toggle("ex-waiting", !epoch);
    clear.hidden = !epoch || !filtered;
    if (!epoch) {
      title.textContent = "Waiting for the kernel";
      words.textContent = "The view appears as soon as the kernel answers.";
    } else if (filtered) {
      title.textContent = "No rows match";
      words.textContent = "No row passes all the conditions above.";
    } else {
      title.textContent = "No rows";
      words.textContent = "This table has no rows to show.";
    }
  });
  return element;
}
