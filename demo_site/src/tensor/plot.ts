// A small plot of a tensor: lines for up to a few rows, a heat map for more.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";
import { h, s } from "../dom.js";
import { count, figure, shape } from "../format.js";
import { type Grid, picture, sliceName } from "./grid.js";

const lines = { rows: 4, width: 600, height: 160 };
const heat = { rows: 384, columns: 768 };
const dark = matchMedia("(prefers-color-scheme: dark)");

type Colour = [number, number, number];

/** Null where there is nothing to see: fewer than two elements. */
export function plot(name: string, dtype: Dtype, tensor: Tensor): HTMLElement | null {
  const grid = picture(dtype, tensor, heat.rows, heat.columns);
  if (!grid) return null;
  const [low, high] = limits(grid.values);
  const map = grid.rows > lines.rows;
  const slice = sliceName(tensor.dims);
  const words = `${map ? "Heat map" : "Lines"} of ${name}${slice}, from ${figure(low)} to ${figure(high)}`;
  const drawing = map ? heatMap(grid, low, high) : linePlot(grid, low, high);
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", words);
  const extent = map ? shape([grid.rows, grid.columns]) : count(grid.columns, "point");
  return h(
    "figure",
    { class: map ? "plot heat" : "plot" },
    h(
      "div",
      { class: "plot-scale figure", "aria-hidden": "true" },
      h("span", {}, figure(high)),
      h("span", {}, figure(low)),
    ),
    drawing,
    h("figcaption", { class: "hint figure" }, slice ? `${slice} · ${extent}` : extent),
  );
}

function limits(values: Float64Array): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : [0, 0];
}

function linePlot({ rows, columns, values }: Grid, low: number, high: number): SVGSVGElement {
  const { width, height } = lines;
  const x = (i: number): number => (columns === 1 ? width / 2 : (i / (columns - 1)) * width);
  const y = (value: number): number =>
    height - ((Math.min(high, Math.max(low, value)) - low) / (high - low || 1)) * (height - 8) - 4;
  const paths = Array.from({ length: rows }, (_, row) => {
    const points = Array.from(
      values.subarray(row * columns, (row + 1) * columns),
      (value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`,
    );
    return s("polyline", {
      class: `line line-${row}`,
      points: points.join(" "),
      "vector-effect": "non-scaling-stroke",
    });
  });
  const zero =
    low < 0 &&
    high > 0 &&
    s("line", { class: "zero", x1: 0, x2: width, y1: y(0), y2: y(0), "vector-effect": "non-scaling-stroke" });
  return s("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none" }, zero, ...paths);
}

function heatMap(grid: Grid, low: number, high: number): HTMLCanvasElement {
  const canvas = h("canvas", { width: grid.columns, height: grid.rows });
  const paint = (): void => paintHeat(canvas, grid, low, high);
  // A canvas keeps its pixels when the theme changes; one that has left the page lets go of the listener.
  const repaint = (): void => (canvas.isConnected ? paint() : dark.removeEventListener("change", repaint));
  dark.addEventListener("change", repaint);
  paint();
  return canvas;
}

function paintHeat(canvas: HTMLCanvasElement, { rows, columns, values }: Grid, low: number, high: number): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const ramp = (["--wash", "--accent", "--ink"] as const).map((property) => colour(property, context));
  const image = context.createImageData(columns, rows);
  values.forEach((value, i) => {
    const share = Math.min(1, Math.max(0, (value - low) / (high - low || 1))) || 0;
    const first = share < 0.7 ? 0 : 1;
    const t = first === 0 ? share / 0.7 : (share - 0.7) / 0.3;
    const [from, to] = [ramp[first] as Colour, ramp[first + 1] as Colour];
    for (let c = 0; c < 3; c++) image.data[i * 4 + c] = (from[c] ?? 0) * (1 - t) + (to[c] ?? 0) * t;
    image.data[i * 4 + 3] = 255;
  });
  context.putImageData(image, 0, 0);
}

// A canvas gives back any colour as #rrggbb.
function colour(property: string, context: CanvasRenderingContext2D): Colour {
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(property);
  const text = String(context.fillStyle);
  return [1, 3, 5].map((i) => Number.parseInt(text.slice(i, i + 2), 16)) as Colour;
}
