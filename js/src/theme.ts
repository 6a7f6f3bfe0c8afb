/** Light or dark, as the host shows itself, followed while it changes. */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import type { Mode } from "./palette";

/** How light a CSS colour is (0..1), or null when nothing of it is seen. */
function lightness(color: string): number | null {
  const parts = color.match(/[\d.]+/g)?.map(Number);
  if (!parts || parts.length < 3 || parts[3] === 0) return null;
  const [r = 0, g = 0, b = 0] = parts;
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
}

/** What the host says of itself: JupyterLab, VS Code, others by an attribute. */
function declared(): Mode | null {
  const { body, documentElement } = document;
  const jupyter = body.dataset["jpThemeLight"];
  if (jupyter) return jupyter === "true" ? "light" : "dark";
  if (body.classList.contains("vscode-light")) return "light";
  if (body.classList.contains("vscode-high-contrast-light")) return "light";
  if (/\bvscode-(dark|high-contrast)\b/.test(body.className)) return "dark";
  const theme = documentElement.getAttribute("theme") ?? documentElement.dataset["theme"];
  return theme === "light" || theme === "dark" ? theme : null;
}

function background(element: Element | null): Mode | null {
  for (let at = element; at; at = at.parentElement) {
    const found = lightness(getComputedStyle(at).backgroundColor);
    if (found !== null) return found > 0.5 ? "light" : "dark";
  }
  return null;
}

export function followTheme(host: Element, signal_: AbortSignal): ReadonlySignal<Mode> {
  const preference = matchMedia("(prefers-color-scheme: dark)");
  const detect = (): Mode =>
    declared() ?? background(host.parentElement) ?? (preference.matches ? "dark" : "light");
  const mode = signal(detect());
  const update = () => {
    mode.value = detect();
  };
  const observer = new MutationObserver(update);
  for (const element of [document.body, document.documentElement]) {
    observer.observe(element, { attributes: true });
  }
  preference.addEventListener("change", update, { signal: signal_ });
  signal_.addEventListener("abort", () => observer.disconnect(), { once: true });
  return mode;
}
