/** One tile on the grid's canvas. */

import type { Tile } from "../tiles";
import { type Caption, captionSegments, fitted, LINE, NARROW } from "./captions";
import { paintCard, paintLine } from "./captions";
import { FONT, type Ink } from "./ink";

export type TileLook = {
  x: number;
  y: number;
  side: number;
  tile: Tile | undefined;
  captions: Caption[];
  /** CSS colour of the strip, or null. */
  strip: string | null;
  picked: boolean;
  /** Whether there is a picture to wait for at all. */
  pictured: boolean;
};

const RADIUS = 4;
/** Enlarged more than this, pixels are shown as squares instead of being blurred. */
const CRISP = 2;

function rounded(context: CanvasRenderingContext2D, look: TileLook, inset = 0): void {
  const { x, y, side } = look;
  context.beginPath();
  context.roundRect(x + inset, y + inset, side - 2 * inset, side - 2 * inset, RADIUS);
}

function paintPicture(
  context: CanvasRenderingContext2D,
  look: TileLook,
  picture: ImageBitmap,
): void {
  const { x, y, side } = look;
  const scale = Math.min(side / picture.width, side / picture.height);
  const [w, h] = [picture.width * scale, picture.height * scale];
  context.save();
  rounded(context, look);
  context.clip();
  const dpr = context.getTransform().a;
  context.imageSmoothingEnabled = scale * dpr <= CRISP;
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, x + (side - w) / 2, y + (side - h) / 2, w, h);
  context.restore();
}

function wrapped(context: CanvasRenderingContext2D, text: string, width: number, most: number) {
  const result: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    const longer = line ? `${line} ${word}` : word;
    if (context.measureText(longer).width <= width || !line) line = longer;
    else {
      result.push(line);
      line = word;
    }
  }
  result.push(line);
  if (result.length > most) {
    result.length = most;
    result[most - 1] += "…";
  }
  return result.map((part) => fitted((words) => context.measureText(words).width, part, width)[0]);
}

function paintFailure(
  context: CanvasRenderingContext2D,
  look: TileLook,
  message: string,
  ink: Ink,
): void {
  const { x, y, side } = look;
  context.fillStyle = ink.failedBox;
  rounded(context, look);
  context.fill();
  const room = side - 16;
  const most = Math.min(4, Math.floor((side - 44) / 13));
  const words = most > 0 && room >= 48;
  const size = Math.min(24, side * 0.4);
  context.font = `11px ${FONT}`;
  const text = words ? wrapped(context, message, room, most) : [];
  const height = size + (words ? 6 + text.length * 13 : 0);
  let top = y + (side - height) / 2;
  paintBroken(context, x + side / 2 - size / 2, top, size, ink.failedText);
  top += size + 6;
  context.fillStyle = ink.failedText;
  context.textAlign = "center";
  text.forEach((line, i) => context.fillText(line, x + side / 2, top + i * 13 + 6.5));
  context.textAlign = "left";
}

/** A picture frame with a crack. */
function paintBroken(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  size: number,
  color: string,
): void {
  context.save();
  context.translate(x, y);
  context.scale(size / 24, size / 24);
  context.strokeStyle = color;
  context.lineWidth = 1.6;
  context.lineJoin = "round";
  context.beginPath();
  context.roundRect(3, 4, 18, 16, 2.5);
  context.moveTo(13, 4);
  context.lineTo(10.5, 9.5);
  context.lineTo(14, 13);
  context.lineTo(11, 20);
  context.stroke();
  context.restore();
}

function paintPicked(context: CanvasRenderingContext2D, look: TileLook, ink: Ink): void {
  const { x, y, side } = look;
  context.strokeStyle = ink.accent;
  context.lineWidth = 2.5;
  rounded(context, look, 1.25);
  context.stroke();
  const radius = Math.min(9, side / 5);
  const [cx, cy] = [x + side - radius - 5, y + radius + 5];
  context.fillStyle = ink.accent;
  context.beginPath();
  context.arc(cx, cy, radius, 0, 2 * Math.PI);
  context.fill();
  context.strokeStyle = ink.onAccent;
  context.lineWidth = radius / 4.5;
  context.beginPath();
  context.moveTo(cx - radius * 0.45, cy + radius * 0.05);
  context.lineTo(cx - radius * 0.1, cy + radius * 0.4);
  context.lineTo(cx + radius * 0.5, cy - radius * 0.35);
  context.stroke();
}

export function paintTile(context: CanvasRenderingContext2D, look: TileLook, ink: Ink): void {
  const { x, y, side, tile } = look;
  context.textBaseline = "middle";
  if (tile?.state === "error") {
    paintFailure(context, look, tile.message, ink);
  } else {
    context.fillStyle = tile || !look.pictured ? ink.box : ink.skeleton;
    rounded(context, look);
    context.fill();
    if (tile) paintPicture(context, look, tile.picture);
  }
  if (look.strip) {
    context.save();
    rounded(context, look);
    context.clip();
    context.fillStyle = look.strip;
    const height = side < NARROW ? 3 : 4;
    context.fillRect(x, y + side - height, side, height);
    context.restore();
  }
  if (!look.pictured) paintCard(context, look.captions, [x, y], side, ink);
  if (look.picked) paintPicked(context, look, ink);
  if (!look.pictured) return;
  captionSegments(look.captions, side, ink).forEach((line, i) => {
    paintLine(context, line, [x + 1, y + side + 4 + (i + 0.5) * LINE], side - 1, side);
  });
}
