/** Icons drawn with strokes of the text's colour, 16 px. */

const PATHS = {
  close: "M4 4l8 8M12 4l-8 8",
  up: "M8 13V3M4 7l4-4 4 4",
  down: "M8 3v10M4 9l4 4 4-4",
  left: "M10 3L5 8l5 5",
  right: "M6 3l5 5-5 5",
  copy: "M6 5.5h7v8H6zM3 10.5v-8h7",
  check: "M3 8.5l3.5 3.5L13 4.5",
  lasso:
    "M8 3c3.6 0 6 1.5 6 3.6S11.600 10.200 8 10.200 2 8.700 2 6.600 4.400 3 8 3zM5 10c-1.200 1-1 2.500.5 2.500s1 1.300-.5 2",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  fit: "M2.500 6V2.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10",
  info: "M8 7.500V12M8 4.500v.01M8 14.500a6.500 6.500 0 1 0 0-13 6.500 6.500 0 0 0 0 13z",
  warning: "M8 2L14.500 13.500h-13zM8 6.500V10M8 12v.01",
} as const;

export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "ex-icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
