/** The selection evaluated in the browser, at once and only where something changed. */

import { computed, type ReadonlySignal } from "@preact/signals-core";
import type { Clause } from "./clauses";
import { type CodeColumn, type Column } from "./columns";
import { type Combined, combine, countAll, countCodes, evaluate, type Mask } from "./crossfilter";
import type { Store } from "./store";

type Kept = { clause: Clause; needs: readonly unknown[]; mask: Mask | null };
export type CodeCounts = { total: Uint32Array; selected: Uint32Array };

export class Linked {
  readonly combined: ReadonlySignal<Combined | null>;
  /** Rows that pass all clauses; what the kernel says while a clause cannot be evaluated here. */
  readonly selected: ReadonlySignal<number>;

  #kept = new Map<string, Kept>();
  #counts = new Map<string, ReadonlySignal<CodeCounts | null>>();

  constructor(readonly store: Store) {
    this.combined = computed(() => this.#combine());
    this.selected = computed(() => {
      const combined = this.combined.value;
      const { clauses, confirmed, rows } = store;
      if (clauses.value.size === 0) return rows;
      const here = combined && combined.bitOf.size === clauses.value.size;
      return here ? countAll(combined) : (confirmed.value?.rows ?? rows);
    });
  }

  #combine(): Combined | null {
    const { store } = this;
    const clauses = store.clauses.value;
    const rows = store.rows;
    if (clauses.size === 0) {
      this.#kept.clear();
      return null;
    }
    const masks = new Map<string, Mask | null>();
    const kept = new Map<string, Kept>();
    for (const [source, clause] of clauses) {
      const needs = [rows, ...this.#needs(source, clause)];
      const before = this.#kept.get(source);
      const same = before?.clause === clause && before.needs.every((need, i) => need === needs[i]);
      const mask = same ? before.mask : evaluate(source, clause, store);
      kept.set(source, { clause, needs, mask });
      masks.set(source, mask);
    }
    this.#kept = kept;
    return combine(masks, rows);
  }

  /** The columns that a clause reads, as they are now. */
  #needs(source: string, clause: Clause): (Column | Uint8Array | undefined)[] {
    const { store } = this;
    switch (clause.type) {
      case "category":
        return [store.facet(clause.column)];
      case "interval":
        return [store.facet(clause.column), store.point(clause.column)];
      case "polygon":
        return [store.point(clause.x), store.point(clause.y)];
      case "mask":
        return [store.mask(source, clause.version)];
      case "rows":
        return [];
    }
  }

  /** Rows for each code of a facet: all, and those that pass the other views' clauses. */
  counts(name: string, own: string): CodeCounts | null {
    const key = `${own}\n${name}`;
    let counts = this.#counts.get(key);
    if (!counts) {
      // Totals change only with the column, not with the selection.
      const total = computed(() => {
        const column = this.store.facet(name);
        return column?.form === "codes" ? countCodes(column.codes, null, own) : null;
      });
      counts = computed(() => {
        const column = this.store.facet(name) as CodeColumn | undefined;
        if (!column || !total.value) return null;
        const combined = this.combined.value;
        const selected = combined ? countCodes(column.codes, combined, own) : total.value;
        return { total: total.value, selected };
      });
      this.#counts.set(key, counts);
    }
    return counts.value;
  }
}
