/** Colours of what is painted on canvases, where style sheets do not reach. */

import type { Mode } from "../palette";

export type Ink = {
  text: string;
  muted: string;
  box: string;
  skeleton: string;
  failedBox: string;
  failedText: string;
  accent: string;
  onAccent: string;
};

export const INK: Record<Mode, Ink> = {
  light: {
    text: "#1d2330",
    muted: "#5c6575",
    box: "rgb(29 35 48 / 5%)",
    skeleton: "rgb(29 35 48 / 8%)",
    failedBox: "rgb(180 50 40 / 9%)",
    failedText: "#94322d",
    accent: "#2b5fb8",
    onAccent: "#ffffff",
  },
  dark: {
    text: "#e4e7ed",
    muted: "#a3acba",
    box: "rgb(228 231 237 / 6%)",
    skeleton: "rgb(228 231 237 / 10%)",
    failedBox: "rgb(235 120 110 / 15%)",
    failedText: "#eba49e",
    accent: "#86b3f5",
    onAccent: "#10151d",
  },
};

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif';
