/** What the table, the selection and the kernel are at, in one line; notices above it. */

import type { App } from "../app";
import { h, react, setText } from "../dom";
import * as format from "../format";
import { icon } from "../icons";
import type { Job, Status } from "../protocol";

function jobView(job: Job): HTMLElement {
  const bar = h("progress", { attrs: { "aria-label": job.label } });
  if (job.total !== null) {
    bar.max = Math.max(1, job.total);
    bar.value = job.done;
  }
  const of = job.total === null ? "" : ` of ${format.count(job.total)}`;
  return h(
    "span",
    { class: "ex-job" },
    h("span", { text: job.label }),
    bar,
    h("span", { class: "ex-count", text: `${format.count(job.done)}${of}` }),
  );
}

/** What can be said of the kernel: nothing while nothing is awaited of it. */
export function kernelWords(
  lost: boolean,
  unanswered: boolean,
  late: boolean,
  { busy, message, jobs }: Status,
): string {
  if (lost) return "no kernel";
  if (unanswered) return "kernel busy";
  if (busy || jobs.length > 0) return message ?? "working";
  return late ? "kernel busy" : "";
}

export function statusView(app: App): HTMLElement {
  const { store, linked } = app;
  const fact = (test: string) => h("span", { class: "ex-fact", test });
  const [rows, selected] = [fact("rows"), fact("selected")];
  const [decoded, inferred, failed] = [fact("decoded"), fact("inferred"), fact("failed")];
  const jobs = h("span", { class: "ex-jobs" });
  const dot = h("span", { class: "ex-dot" });
  const kernel = h("span", { text: "" });
  const indicator = h("span", { class: "ex-kernel", test: "kernel", attrs: { role: "status" } });
  indicator.append(dot, kernel);

  function say(element: HTMLElement, n: number, words: string, shown = true): void {
    element.dataset["n"] = String(n);
    setText(element, words);
    element.hidden = !shown;
  }

  react(app.signal, () => {
    const counts = store.counts.value;
    const total = counts?.rows ?? store.rows;
    say(rows, total, format.plural(total, "row"));
    const images = counts?.decoded ?? 0;
    const pictured = store.schema.value?.image != null;
    say(decoded, images, `${format.plural(images, "image")} decoded`, pictured);
    const done = counts?.inferred ?? 0;
    const words = `${format.count(done)} of ${format.plural(total, "row")} inferred`;
    say(inferred, done, words, counts?.inferred != null);
    say(
      failed,
      counts?.failed ?? 0,
      `${format.count(counts?.failed ?? 0)} failed`,
      !!counts?.failed,
    );
  });
  react(app.signal, () => {
    const n = linked.selected.value;
    say(selected, n, `${format.count(n)} selected`, store.clauses.value.size > 0);
  });
  react(app.signal, () => {
    const { lost, unanswered, late } = app;
    const words = kernelWords(lost.value, unanswered.value, late.value, store.status.value);
    setText(kernel, words);
    dot.hidden = words === "" || lost.value;
    indicator.classList.toggle("ex-busy", !dot.hidden);
    jobs.replaceChildren(...(lost.value ? [] : store.status.value.jobs.map(jobView)));
  });
  const facts = h("span", { class: "ex-facts" }, rows, selected, decoded, inferred, failed);
  return h("footer", { class: "ex-status", test: "status" }, facts, jobs, indicator);
}

export function noticesView(app: App): HTMLElement {
  const root = h("div", { class: "ex-notices", attrs: { role: "alert" } });
  react(app.signal, () => {
    const bars = app.store.notices.value.map((notice) =>
      h(
        "div",
        { class: `ex-notice ex-notice-${notice.level}`, test: "notice" },
        icon(notice.level === "info" ? "info" : "warning"),
        h(
          "div",
          { class: "ex-notice-words" },
          h("span", { text: notice.message }),
          notice.hint ? h("span", { class: "ex-notice-hint", text: notice.hint }) : null,
        ),
        h(
          "button",
          {
            class: "ex-icon-button ex-small",
            title: "Dismiss",
            attrs: { type: "button", "aria-label": "Dismiss" },
            on: { click: () => app.store.dismiss(notice.id) },
          },
          icon("close"),
        ),
      ),
    );
    root.replaceChildren(...bars);
    root.hidden = bars.length === 0;
  });
  return root;
}
