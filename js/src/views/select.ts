/** A native select whose options follow a signal without losing what is chosen. */

import { h } from "../dom";

export type Choice = { value: string; label: string };

export function fillSelect(select: HTMLSelectElement, choices: Choice[], value: string): void {
  const key = JSON.stringify(choices);
  if (select.dataset["choices"] !== key) {
    select.dataset["choices"] = key;
    select.replaceChildren(
      ...choices.map((choice) =>
        h("option", { text: choice.label, attrs: { value: choice.value } }),
      ),
    );
  }
  select.value = value;
}
