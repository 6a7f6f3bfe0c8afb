/** The colour of each row: by category, by number, or none. */

import { FAILED, NOT_COMPUTED, NULL_BIN, type Column, type NumberColumn } from "./columns";
import type { Scalar } from "./clauses";
import {
  categoryColor,
  FAILED_COLOR,
  type Mode,
  NULL_COLOR,
  PLAIN_COLOR,
  rampColor,
  type Rgb,
  UNKNOWN_COLOR,
} from "./palette";
import type { Store } from "./store";

const STEPS = 256;

export type Coloring = { name: string | null; mode: Mode } & (
  | { by: "nothing" }
  | { by: "category"; labels: Scalar[]; codes: Uint16Array; table: Uint32Array }
  | { by: "bins"; edges: number[]; date: boolean; codes: Uint16Array; table: Uint32Array }
  | { by: "number"; min: number; max: number; numbers: Float32Array; table: Uint32Array }
);

/** Code to colour; codes without a meaning of their own are drawn as "not computed". */
function codeTable(mode: Mode, size: number, colorOf: (code: number) => Rgb): Uint32Array {
  const table = new Uint32Array(65536).fill(UNKNOWN_COLOR[mode]);
  for (let code = 0; code < size; code++) table[code] = colorOf(code);
  table[NOT_COMPUTED] = UNKNOWN_COLOR[mode];
  table[FAILED] = FAILED_COLOR[mode];
  return table;
}

/** Small whole numbers keep their colour from column to column and while labels are added. */
export function labelColor(labels: readonly Scalar[], code: number, mode: Mode): Rgb {
  const label = labels[code];
  if (label === null) return NULL_COLOR[mode];
  const own = typeof label === "number" && Number.isInteger(label) && label >= 0 && label < 20;
  return categoryColor(own ? label : code);
}

function range(column: NumberColumn): [min: number, max: number] {
  const { meta, numbers } = column;
  if (meta.type === "number" && meta.min !== null && meta.max !== null) return [meta.min, meta.max];
  let [min, max] = [Infinity, -Infinity];
  for (const value of numbers) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min <= max ? [min, max] : [0, 1];
}

function byNumber(name: string, column: NumberColumn, mode: Mode): Coloring {
  const [min, max] = range(column);
  const table = Uint32Array.from({ length: STEPS }, (_, i) => rampColor(i / (STEPS - 1), mode));
  return { name, mode, by: "number", min, max, numbers: column.numbers, table };
}

function byCode(name: string, column: Column, mode: Mode): Coloring | null {
  if (column.form !== "codes") return null;
  const { codes, meta } = column;
  if (meta.type === "category") {
    const { labels } = meta;
    const table = codeTable(mode, labels.length, (code) => labelColor(labels, code, mode));
    return { name, mode, by: "category", labels, codes, table };
  }
  if (meta.type !== "bins") return null;
  const bins = meta.edges.length - 1;
  const table = codeTable(mode, bins, (bin) => rampColor(bins > 1 ? bin / (bins - 1) : 0.5, mode));
  table[NULL_BIN] = NULL_COLOR[mode];
  return { name, mode, by: "bins", edges: meta.edges, date: meta.date, codes, table };
}

export function coloring(store: Store, mode: Mode): Coloring {
  const name = store.color;
  if (name === null) return { name, mode, by: "nothing" };
  const facet = store.facet(name);
  const categories = facet?.meta.type === "category" ? byCode(name, facet, mode) : null;
  if (categories) return categories;
  const point = store.point(name);
  if (point?.form === "numbers") return byNumber(name, point, mode);
  return (facet && byCode(name, facet, mode)) ?? { name, mode, by: "nothing" };
}

export function rowColor(colors: Coloring, row: number): Rgb {
  switch (colors.by) {
    case "nothing":
      return PLAIN_COLOR[colors.mode];
    case "category":
    case "bins":
      return colors.table[colors.codes[row] ?? NOT_COMPUTED] as Rgb;
    case "number": {
      const value = colors.numbers[row] ?? NaN;
      if (value !== value) return UNKNOWN_COLOR[colors.mode];
      const t = colors.max > colors.min ? (value - colors.min) / (colors.max - colors.min) : 0.5;
      const step = Math.round(Math.max(0, Math.min(1, t)) * (STEPS - 1));
      return colors.table[step] as Rgb;
    }
  }
}
