/** Thumbnails by row, decoded, bounded in bytes; the least recently painted go first. */

import { signal } from "@preact/signals-core";
import type { Bytes } from "./bytes";
import type { TileMessage } from "./protocol";

export type Picture = ImageBitmap;
export type Tile =
  | { state: "ready"; px: number; picture: Picture; bytes: number }
  | { state: "error"; px: number; message: string; bytes: 0 };

export type Decode = (data: Bytes, media: string) => Promise<Picture>;

const MAX_BYTES = 256 * 2 ** 20;

async function decodeFast(data: Bytes, media: string): Promise<Picture> {
  const decoder = new ImageDecoder({ data, type: media });
  try {
    const { image } = await decoder.decode();
    try {
      return await createImageBitmap(image);
    } finally {
      image.close();
    }
  } finally {
    decoder.close();
  }
}

/** ImageDecoder is four times as fast where there is one; Safari and plain http have none. */
export const decodeInBrowser: Decode = async (data, media) => {
  if (typeof ImageDecoder !== "undefined") {
    try {
      return await decodeFast(data.slice(), media);
    } catch {
      // The other decoder has the last word on what can be shown.
    }
  }
  return createImageBitmap(new Blob([data], { type: media }));
};

export class Tiles {
  /** Grows whenever a tile comes or goes. */
  readonly revision = signal(0);
  readonly evicted = new Set<number>();

  #tiles = new Map<number, Tile>();
  #decoding = new Map<number, number>();
  #bytes = 0;

  constructor(
    readonly decode: Decode = decodeInBrowser,
    readonly maxBytes = MAX_BYTES,
  ) {}

  get bytes(): number {
    return this.#bytes;
  }

  /** The best tile there is for a row, whatever its size. */
  get(row: number): Tile | undefined {
    return this.#tiles.get(row);
  }

  /** Whether a row needs no other message to be drawn at `px`. */
  has(row: number, px: number): boolean {
    const tile = this.#tiles.get(row);
    if (tile && (tile.state === "error" || tile.px >= px)) return true;
    return (this.#decoding.get(row) ?? 0) >= px;
  }

  /** Marks rows as just painted, so that they are kept longest. */
  touch(rows: readonly number[]): void {
    for (const row of rows) {
      const tile = this.#tiles.get(row);
      if (!tile) continue;
      this.#tiles.delete(row);
      this.#tiles.set(row, tile);
    }
  }

  async add(px: number, messages: readonly TileMessage[]): Promise<void> {
    await Promise.all(messages.map((message) => this.#add(px, message)));
  }

  async #add(px: number, message: TileMessage): Promise<void> {
    const { row } = message;
    if (!message.ok)
      return this.#put(row, { state: "error", px, message: message.error, bytes: 0 });
    if ((this.#tiles.get(row)?.px ?? 0) > px || (this.#decoding.get(row) ?? 0) > px) return;
    this.#decoding.set(row, px);
    let tile: Tile;
    try {
      // The packed buffer is shared by many tiles and large: a decoder that keeps it keeps all.
      const picture = await this.decode(message.data.slice(), message.media);
      tile = { state: "ready", px, picture, bytes: picture.width * picture.height * 4 };
    } catch {
      const error = `the browser cannot decode this ${message.media}`;
      tile = { state: "error", px, message: error, bytes: 0 };
    }
    if (this.#decoding.get(row) !== px) {
      if (tile.state === "ready") tile.picture.close();
      return;
    }
    this.#decoding.delete(row);
    this.#put(row, tile);
  }

  #put(row: number, tile: Tile): void {
    this.#drop(row);
    this.#tiles.set(row, tile);
    this.#bytes += tile.bytes;
    this.evicted.delete(row);
    for (const [oldest] of this.#tiles) {
      if (this.#bytes <= this.maxBytes || oldest === row) break;
      this.#drop(oldest);
      this.evicted.add(oldest);
    }
    this.revision.value++;
  }

  #drop(row: number): void {
    const tile = this.#tiles.get(row);
    if (!tile) return;
    if (tile.state === "ready") tile.picture.close();
    this.#bytes -= tile.bytes;
    this.#tiles.delete(row);
  }

  clear(): void {
    for (const row of [...this.#tiles.keys()]) this.#drop(row);
    this.#decoding.clear();
    this.evicted.clear();
    this.revision.value++;
  }
}
