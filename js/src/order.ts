/** Which row stands at which position, which positions are wanted, and the scaled scrollbar. */

const PAGE = 1024;
const UNKNOWN = 0xffffffff;

/** The order of the grid at one epoch, filled in as `rows` messages come. */
export class Order {
  #pages = new Map<number, Uint32Array>();

  constructor(
    readonly epoch: number,
    readonly rows: number,
  ) {}

  /** The row at a position, or undefined while it is not known. */
  at(position: number): number | undefined {
    const row = this.#pages.get(Math.floor(position / PAGE))?.[position % PAGE];
    return row === undefined || row === UNKNOWN ? undefined : row;
  }

  write(start: number, rows: Uint32Array): void {
    for (let i = 0; i < rows.length; i++) {
      const position = start + i;
      if (position >= this.rows) return;
      const index = Math.floor(position / PAGE);
      let page = this.#pages.get(index);
      if (!page) this.#pages.set(index, (page = new Uint32Array(PAGE).fill(UNKNOWN)));
      page[position % PAGE] = rows[i] as number;
    }
  }

  /** Whether every position of [start, stop) is known. */
  covers(start: number, stop: number): boolean {
    for (let position = start; position < Math.min(stop, this.rows); position++) {
      if (this.at(position) === undefined) return false;
    }
    return true;
  }
}

// ---- the geometry of the grid -------------------------------------------------------------

export type Geometry = {
  /** Side of a tile, distance from one tile's left edge to the next, and of the rows: CSS pixels. */
  tile: number;
  pitchX: number;
  pitchY: number;
  columns: number;
  padding: number;
  /** Height of everything and of what is seen. */
  height: number;
  viewport: number;
};

export type GeometryOptions = {
  width: number;
  viewport: number;
  tile: number;
  captionHeight: number;
  count: number;
};

export function gridGeometry(options: GeometryOptions): Geometry {
  const { width, viewport, captionHeight, count } = options;
  const padding = 12;
  const inner = Math.max(1, width - 2 * padding);
  const tile = Math.min(options.tile, inner);
  const gap = tile < 64 ? 4 : 8;
  const columns = Math.max(1, Math.floor((inner + gap) / (tile + gap)));
  // What is left over of the width goes between the tiles, so that both edges are aligned.
  const spare = columns > 1 ? (inner - columns * tile) / (columns - 1) : gap;
  const pitchX = tile + Math.min(spare, gap * 4);
  const pitchY = tile + captionHeight + gap;
  const lines = Math.ceil(count / columns);
  const height = lines === 0 ? 0 : lines * pitchY - gap + 2 * padding;
  return { tile, pitchX, pitchY, columns, padding, height, viewport };
}

/** Positions [start, stop) of which any part is on screen when `top` pixels are scrolled away. */
export function visibleRange(
  geometry: Geometry,
  top: number,
  count: number,
): [start: number, stop: number] {
  const { padding, pitchY, columns, viewport } = geometry;
  const first = Math.max(0, Math.floor((top - padding) / pitchY));
  const last = Math.ceil((top + viewport - padding) / pitchY);
  const start = Math.min(count, first * columns);
  return [start, Math.min(count, Math.max(start, last * columns))];
}

/** One more screen in the direction of the scroll. */
export function aheadRange(
  [start, stop]: [number, number],
  direction: 1 | -1,
  count: number,
): [start: number, stop: number] {
  const screen = stop - start;
  return direction > 0
    ? [stop, Math.min(count, stop + screen)]
    : [Math.max(0, start - screen), start];
}

/** The pixels scrolled away that bring a position on screen with the least movement. */
export function reveal(geometry: Geometry, top: number, position: number): number {
  const { padding, pitchY, columns, viewport, height } = geometry;
  const y = padding + Math.floor(position / columns) * pitchY;
  const margin = padding / 2;
  let wanted = top;
  if (y + pitchY > top + viewport) wanted = y + pitchY - viewport;
  if (y < wanted + margin) wanted = y - margin;
  return Math.max(0, Math.min(wanted, Math.max(0, height - viewport)));
}

// ---- the scaled scrollbar -----------------------------------------------------------------

/** Browsers clamp the height of an element near 33 million pixels: stay far below. */
export const MAX_SPACER = 8_000_000;

/** `top`: pixels of content scrolled away. `bar`: the scrollTop that the element has. */
export type Scroll = { top: number; bar: number };

export function spacerHeight(geometry: Geometry): number {
  return Math.min(MAX_SPACER, Math.max(geometry.height, geometry.viewport));
}

function ranges(geometry: Geometry): { content: number; bar: number } {
  return {
    content: Math.max(0, geometry.height - geometry.viewport),
    bar: Math.max(0, spacerHeight(geometry) - geometry.viewport),
  };
}

/** The scrollTop that belongs to `top`. */
export function barFor(geometry: Geometry, top: number): number {
  const { content, bar } = ranges(geometry);
  return content === 0 ? 0 : (top / content) * bar;
}

/**
 * Where the content stands after the element's scrollTop has become `bar`. A small step (a
 * wheel, a key) moves the content by as many pixels; a large one (the thumb) in proportion.
 */
export function scrolled(geometry: Geometry, before: Scroll, bar: number): Scroll {
  const range = ranges(geometry);
  const clamp = (top: number) => Math.max(0, Math.min(range.content, top));
  if (range.content <= range.bar) return { top: clamp(bar), bar };
  if (bar <= 0) return { top: 0, bar };
  if (bar >= range.bar - 1) return { top: range.content, bar };
  const step = bar - before.bar;
  if (Math.abs(step) <= 2 * geometry.viewport) return { top: clamp(before.top + step), bar };
  return { top: clamp((bar / range.bar) * range.content), bar };
}

// ---- thumbnails ---------------------------------------------------------------------------

const SIDES = [32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];

/** Few sizes of thumbnails, so that a moved slider mostly repaints from what is there. */
export function thumbnailSide(tile: number, dpr: number): number {
  return SIDES.find((side) => side >= tile * dpr - 0.5) ?? 1024;
}
