/** What the codes or numbers of a column stand for. */

import type { Scalar } from "./clauses";
import type { Fields } from "./fields";

export type CategoryMeta = { type: "category"; labels: Scalar[]; other: boolean };
export type BinsMeta = { type: "bins"; edges: number[]; integer: boolean; date: boolean };
export type NumberMeta = { type: "number"; min: number | null; max: number | null };
export type ColumnMeta = CategoryMeta | BinsMeta | NumberMeta;

export function parseMeta(fields: Fields): ColumnMeta {
  const type = fields.oneOf("type", ["category", "bins", "number"] as const);
  switch (type) {
    case "category":
      return {
        type,
        labels: fields.list("labels") as Scalar[],
        other: fields.object["other"] === true,
      };
    case "bins": {
      const edges = fields.list("edges") as number[];
      if (edges.some((edge, i) => typeof edge !== "number" || edge < (edges[i - 1] ?? -Infinity))) {
        fields.fail("edges", "ascending numbers");
      }
      const [integer, date] = [fields.object["integer"] === true, fields.object["date"] === true];
      return { type, edges, integer, date };
    }
    case "number":
      return {
        type,
        min: fields.has("min") ? fields.number("min") : null,
        max: fields.has("max") ? fields.number("max") : null,
      };
  }
}
