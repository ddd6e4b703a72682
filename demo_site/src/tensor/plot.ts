// A small plot of a tensor: bars for a short row, lines for a few rows, a heat map for more.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";
import { h, s } from "../dom.js";
import { count, figure, shape } from "../format.js";
import { type Grid, type Limits, slice, sliceName } from "./grid.js";
import { heatMap } from "./heat.js";

/** Fewer elements read better in the table alone. */
const least = 6;
const most = { rows: 384, columns: 768, lines: 4, bars: 48 };
const size = { width: 600, height: 160, margin: 4 };

/** Null where a plot would show no more than the table. */
export function plot(name: string, dtype: Dtype, tensor: Tensor): HTMLElement | null {
  if (tensor.data.length < least) return null;
  const grid = slice(dtype, tensor, most.rows, most.columns);
  const kind = grid.rows > most.lines ? "Heat map" : grid.rows === 1 && grid.columns <= most.bars ? "Bars" : "Lines";
  const limits = kind === "Bars" ? withZero(grid.limits) : grid.limits;
  const part = sliceName(tensor.dims);
  const drawing =
    kind === "Heat map" ? heatMap(grid, limits) : curves(kind === "Bars" ? bars(grid, limits) : lines(grid, limits));
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", `${kind} of ${name}${part}, from ${figure(limits.low)} to ${figure(limits.high)}`);
  const extent = kind === "Heat map" ? shape([grid.full.rows, grid.full.columns]) : count(grid.full.columns, "point");
  const ends = [h("span", {}, figure(limits.high)), h("span", {}, figure(limits.low))];
  return h(
    "figure",
    { class: "plot" },
    h("div", { class: "plot-scale figure", "aria-hidden": "true" }, ...ends),
    drawing,
    h("figcaption", { class: "hint figure" }, part ? `${part} · ${extent}` : extent),
  );
}

function curves(drawn: SVGElement[]): SVGSVGElement {
  return s("svg", { viewBox: `0 0 ${size.width} ${size.height}`, preserveAspectRatio: "none" }, ...drawn);
}

function lines({ rows, columns, values }: Grid, limits: Limits): SVGElement[] {
  const x = (i: number): string => ((i / (columns - 1)) * size.width).toFixed(1);
  const line = (row: number): SVGElement => {
    const own = Array.from(
      values.subarray(row * columns, (row + 1) * columns),
      (value, i) => `${x(i)},${y(value, limits)}`,
    );
    return s("polyline", { class: `line line-${row}`, points: own.join(" "), "vector-effect": "non-scaling-stroke" });
  };
  return [zero(limits), ...Array.from({ length: rows }, (_, row) => line(row))];
}

/** Bars stand on zero. */
function withZero({ low, high }: Limits): Limits {
  return { low: Math.min(0, low), high: Math.max(0, high) };
}

function bars({ columns, values }: Grid, limits: Limits): SVGElement[] {
  const step = size.width / columns;
  const base = y(0, limits);
  const bar = (value: number, i: number): SVGElement => {
    const top = y(value, limits);
    const height = Math.max(1, Math.abs(base - top));
    return s("rect", { class: "column", x: (i + 0.1) * step, y: Math.min(top, base), width: step * 0.8, height });
  };
  return [zero(limits), ...Array.from(values, bar)];
}

/** The line at zero, where zero is in sight. */
function zero(limits: Limits): SVGElement {
  const at = y(0, limits);
  const hidden = limits.low > 0 || limits.high < 0;
  return s("line", {
    class: hidden ? "" : "zero",
    x1: 0,
    x2: size.width,
    y1: at,
    y2: at,
    "vector-effect": "non-scaling-stroke",
  });
}

function y(value: number, { low, high }: Limits): number {
  const share = (Math.min(high, Math.max(low, value)) - low) / (high - low || 1);
  return Math.round((size.height - size.margin - share * (size.height - 2 * size.margin)) * 10) / 10;
}
