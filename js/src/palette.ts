/** Colours of data: chosen so that red-green blindness keeps them apart, on white and on black. */

/** Twenty categories; each next one as far as possible from those before it. */
const CATEGORIES = [
  0x3366bf, 0xcc801a, 0x73ccbf, 0x994040, 0xbfbf80, 0x66b2e5, 0x993373, 0xa64c1a, 0xe55980,
  0xbfcc59, 0x1a80a6, 0x4c99f2, 0x66994c, 0x40a6b2, 0x408066, 0x26d9e5, 0x40d9a6, 0x335999,
  0x408ccc, 0x4c80f2,
];

/** Viridis: even steps look even, in grey too. */
const RAMP = [
  0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b,
  0xfde725,
];

/** The ends that would sink into the background are left out. */
const RAMP_RANGE = { light: [0, 0.9], dark: [0.18, 1] } as const;

export type Mode = "light" | "dark";

/** 0xRRGGBB. */
export type Rgb = number;

export const UNKNOWN_COLOR: Record<Mode, Rgb> = { light: 0xa9afb9, dark: 0x6b7280 };
export const NULL_COLOR: Record<Mode, Rgb> = { light: 0x858c98, dark: 0x8f97a5 };
export const FAILED_COLOR: Record<Mode, Rgb> = { light: 0xb4443f, dark: 0xe08a84 };
/** Points without a colour column. */
export const PLAIN_COLOR: Record<Mode, Rgb> = { light: 0x3a6db5, dark: 0x74a7ee };

export function categoryColor(index: number): Rgb {
  return CATEGORIES[index % CATEGORIES.length] as Rgb;
}

function mix(a: Rgb, b: Rgb, t: number): Rgb {
  const channel = (shift: number) => {
    const [from, to] = [(a >> shift) & 255, (b >> shift) & 255];
    return Math.round(from + (to - from) * t) << shift;
  };
  return channel(16) | channel(8) | channel(0);
}

/** The colour of a number that stands at `t` (0..1) between the least and the most. */
export function rampColor(t: number, mode: Mode): Rgb {
  const [from, to] = RAMP_RANGE[mode];
  const place = (from + (to - from) * Math.max(0, Math.min(1, t))) * (RAMP.length - 1);
  const index = Math.min(RAMP.length - 2, Math.floor(place));
  return mix(RAMP[index] as Rgb, RAMP[index + 1] as Rgb, place - index);
}

export function css(color: Rgb): string {
  return `#${color.toString(16).padStart(6, "0")}`;
}
