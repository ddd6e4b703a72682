// A heat map on a canvas, in the colours of the page.

import { h } from "../dom.js";
import type { Grid, Limits } from "./grid.js";

/** From low to high: the page's panel colour, its accent at .7, its ink. */
const stops = [
  { share: 0, property: "--wash" },
  { share: 0.7, property: "--accent" },
  { share: 1, property: "--ink" },
];
const dark = matchMedia("(prefers-color-scheme: dark)");

export function heatMap(grid: Grid, limits: Limits): HTMLCanvasElement {
  // Pixels stay square where that leaves the map high enough to be read.
  const slim = grid.columns > 4 * grid.rows || grid.rows > 2 * grid.columns;
  const canvas = h("canvas", { class: slim && "stretched", width: grid.columns, height: grid.rows });
  const repaint = (): void => {
    if (canvas.isConnected) paint(canvas, grid, limits);
    else dark.removeEventListener("change", repaint);
  };
  // A canvas keeps its pixels when the theme changes.
  dark.addEventListener("change", repaint);
  paint(canvas, grid, limits);
  return canvas;
}

function paint(canvas: HTMLCanvasElement, { rows, columns, values }: Grid, { low, high }: Limits): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const table = colours(context);
  const image = context.createImageData(columns, rows);
  values.forEach((value, i) => {
    const share = (value - low) / (high - low || 1);
    image.data.set(table[Math.round(255 * Math.min(1, Math.max(0, share || 0)))] ?? [], i * 4);
  });
  context.putImageData(image, 0, 0);
}

/** 256 colours between the stops. */
function colours(context: CanvasRenderingContext2D): Uint8ClampedArray[] {
  const styles = getComputedStyle(document.documentElement);
  const gradient = context.createLinearGradient(0, 0, 256, 0);
  for (const { share, property } of stops) gradient.addColorStop(share, styles.getPropertyValue(property).trim());
  const strip = new OffscreenCanvas(256, 1).getContext("2d");
  if (!strip) return [];
  strip.fillStyle = gradient;
  strip.fillRect(0, 0, 256, 1);
  const { data } = strip.getImageData(0, 0, 256, 1);
  return Array.from({ length: 256 }, (_, i) => data.slice(i * 4, i * 4 + 4));
}
