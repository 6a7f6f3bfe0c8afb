/** Elements, effects and frames with a lifetime. Text from data is only ever set as text. */

import { effect } from "@preact/signals-core";
import type { Scalar } from "./clauses";
import { scalar } from "./format";

type Child = Node | string | null | undefined | false;
type Listeners = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
type Options = {
  class?: string;
  test?: string;
  text?: string;
  title?: string;
  attrs?: Record<string, string | number | boolean>;
  on?: Listeners;
};

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: Options = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (options.class) element.className = options.class;
  if (options.test) element.dataset["testid"] = options.test;
  if (options.text !== undefined) element.textContent = options.text;
  if (options.title) element.title = options.title;
  for (const [name, value] of Object.entries(options.attrs ?? {})) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, String(value));
  }
  for (const [name, listener] of Object.entries(options.on ?? {})) {
    element.addEventListener(name, listener as EventListener);
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/** Runs `action` now and whenever a signal it read changes, until `signal` aborts. */
export function react(signal: AbortSignal, action: () => void): void {
  const dispose = effect(() => {
    action();
  });
  signal.addEventListener("abort", dispose, { once: true });
}

/** A function that asks for `paint` in the next frame, once however often it is called. */
export function onFrame(signal: AbortSignal, paint: () => void): () => void {
  let asked = 0;
  signal.addEventListener("abort", () => cancelAnimationFrame(asked), { once: true });
  return () => {
    if (asked || signal.aborted) return;
    asked = requestAnimationFrame(() => {
      asked = 0;
      paint();
    });
  };
}

/** Calls back with the content size of an element, whenever it changes, in CSS pixels. */
export function onResize(
  element: Element,
  signal: AbortSignal,
  resized: (width: number, height: number) => void,
): void {
  const observer = new ResizeObserver(([entry]) => {
    if (entry) resized(entry.contentRect.width, entry.contentRect.height);
  });
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}

/** A value as text; the missing value looks different from the text "null". */
export function scalarView(className: string, value: Scalar): HTMLElement {
  const missing = value === null ? " ex-null" : "";
  return h("span", { class: className + missing, text: scalar(value) });
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttr(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

/** On a host with this attribute JupyterLab's shortcuts (a, b, dd, ...) rest. */
const QUIET = "data-lm-suppress-shortcuts";

export function keepShortcutsQuiet(host: Element): void {
  host.setAttribute(QUIET, "true");
}

/** Lets the notebook have the key that is being pressed, as if the view had not the focus. */
export function passToHost(element: Element): void {
  const root = element.getRootNode();
  if (!(root instanceof ShadowRoot)) return;
  root.host.removeAttribute(QUIET);
  setTimeout(() => keepShortcutsQuiet(root.host));
}
