/** The values under (or on) a tile: in words, and on the grid's canvas. */

import * as format from "../format";
import type { Cell } from "../store";
import { FONT, type Ink } from "./ink";

export type Caption = { name: string; cell: Cell | undefined };
/** A piece of a line. `brief` is drawn where the whole text has no room. */
export type Segment = { text: string; color: string; italic?: boolean; brief?: string };

export const LINE = 16;
export const NARROW = 64;
/** Nobody reads more of a value on a tile; measuring it would take long. */
const MOST = 200;

/** Lines of captions under a tile of this side. */
export function captionLines(captions: number, side: number): number {
  return Math.min(captions, side < NARROW ? 1 : 2);
}

export function captionHeight(captions: number, side: number): number {
  const lines = captionLines(captions, side);
  return lines === 0 ? 0 : lines * LINE + 4;
}

/** A caption in words, for the eye and for screen readers. */
export function captionText({ cell }: Caption): string {
  if (!cell) return "…";
  return "error" in cell ? "!" : format.json(cell.value, 60);
}

export function valueSegment(caption: Caption, ink: Ink): Segment {
  const { cell } = caption;
  const text = captionText(caption).slice(0, MOST);
  if (!cell) return { text, color: ink.muted };
  if ("error" in cell) return { text, color: ink.failedText };
  if (cell.value === null) return { text, color: ink.muted, italic: true };
  if (typeof cell.value !== "number") return { text, color: ink.text };
  return { text, color: ink.text, brief: format.brief(cell.value) };
}

/** The captions in as many lines as there is room for, the last line with all that is left. */
export function captionSegments(captions: Caption[], side: number, ink: Ink): Segment[][] {
  const count = captionLines(captions.length, side);
  const result: Segment[][] = Array.from({ length: count }, () => []);
  captions.forEach((caption, i) => {
    const line = result[Math.min(i, count - 1)] as Segment[];
    if (line.length > 0) line.push({ text: side < NARROW ? " · " : "  ", color: ink.muted });
    if (side >= NARROW) line.push({ text: `${caption.name} `, color: ink.muted });
    line.push(valueSegment(caption, ink));
  });
  return result;
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** Text that runs from right to left keeps to itself: what follows it stays on its right. */
export function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

/** As much of a text as fits, with an ellipsis for the rest, and whether that is all of it. */
export function fitted(
  measure: (text: string) => number,
  text: string,
  width: number,
): [shown: string, whole: boolean] {
  const all = isolated(text);
  if (measure(all) <= width) return [all, true];
  const letters = Array.from(text);
  const cut = (length: number) => `${isolated(letters.slice(0, length).join(""))}…`;
  let [low, high] = [0, letters.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (measure(cut(middle)) <= width) low = middle;
    else high = middle - 1;
  }
  return [low > 0 ? cut(low) : "", false];
}

export function captionFont(side: number, italic = false): string {
  return `${italic ? "italic " : ""}${side < NARROW ? 11 : 12}px ${FONT}`;
}

export function paintLine(
  context: CanvasRenderingContext2D,
  line: Segment[],
  [x, y]: [number, number],
  width: number,
  side: number,
): void {
  const measure = (text: string) => context.measureText(text).width;
  let at = x;
  for (const { text, color, italic, brief } of line) {
    context.font = captionFont(side, italic);
    const room = x + width - at;
    const fits = brief === undefined || measure(text) <= room || measure(brief) > room;
    const [shown, whole] = fitted(measure, fits ? text : brief, room);
    context.fillStyle = color;
    context.fillText(shown, at, y);
    at += measure(shown);
    if (!whole) return;
  }
}

/**
 * The lines of a card for a row without a picture: each value below the name of its column, or
 * beside it where that takes too many lines, or alone where it is narrow.
 */
export function cardLines(captions: Caption[], side: number, ink: Ink): Segment[][] {
  const most = Math.max(1, Math.floor((side - 2 * cardPadding(side)) / LINE));
  const name = (caption: Caption, after = ""): Segment => {
    return { text: `${caption.name}${after}`, color: ink.muted };
  };
  const value = (caption: Caption) => valueSegment(caption, ink);
  const lines =
    side < NARROW
      ? captions.map((caption) => [value(caption)])
      : captions.length * 2 <= most
        ? captions.flatMap((caption) => [[name(caption)], [value(caption)]])
        : captions.map((caption) => [name(caption, " "), value(caption)]);
  return lines.slice(0, most);
}

function cardPadding(side: number): number {
  return side < NARROW ? 4 : 8;
}

export function paintCard(
  context: CanvasRenderingContext2D,
  captions: Caption[],
  [x, y]: [number, number],
  side: number,
  ink: Ink,
): void {
  const padding = cardPadding(side);
  cardLines(captions, side, ink).forEach((line, i) => {
    const at: [number, number] = [x + padding, y + padding + (i + 0.5) * LINE];
    paintLine(context, line, at, side - 2 * padding, side);
  });
}
