// Resizing of RGB bytes by a separable filter with fixed-point coefficients, for the part of the result that is wanted.
// docs/manifest.md defines it; the results are those of Pillow's Image.resize, byte for byte.

import type { ImagePreprocess } from "../../shared/manifest.gen.js";

/** Where the pixels of a picture come from: a whole decoded picture at once need never be in memory. */
export interface PixelSource {
  readonly width: number;
  readonly height: number;
  /** RGBA of a rectangle, row by row. What A holds is not looked at: transparency is blended already. */
  read(x: number, y: number, width: number, height: number): Uint8ClampedArray;
}

/** A range of columns or rows, the end not included. */
export interface Span {
  start: number;
  end: number;
}

type Filter = ImagePreprocess["filter"];

/** Coefficients hold this many bits of fraction. */
const FRACTION = 22;
const HALF = 1 << (FRACTION - 1);

/** Source pixels read at a time: a few megabytes. */
const BAND_PIXELS = 1 << 20;

/** Which source pixels make each wanted pixel along one axis, and by what weight. */
interface Taps {
  starts: Int32Array;
  counts: Int32Array;
  /** `stride` weights for each wanted pixel. */
  weights: Int32Array;
  stride: number;
  /** The source pixels that any of them needs. */
  source: Span;
}

/** Columns × rows of the picture resized to width × height, as RGB. Clamped arrays cut each pass to 0 … 255. */
export function resize(
  source: PixelSource,
  size: { width: number; height: number },
  filter: Filter,
  columns: Span,
  rows: Span,
): Uint8ClampedArray {
  const across = taps(source.width, size.width, filter, columns);
  const down = taps(source.height, size.height, filter, rows);
  return resizeRows(resizeColumns(source, across, down.source), (columns.end - columns.start) * 3, down);
}

/** The horizontal pass, over the source rows that the vertical pass needs. */
function resizeColumns(source: PixelSource, across: Taps, rows: Span): Uint8ClampedArray {
  const { start, end } = across.source;
  const line = across.starts.length * 3;
  const result = new Uint8ClampedArray(line * (rows.end - rows.start));
  const band = Math.max(1, Math.floor(BAND_PIXELS / (end - start)));
  for (let y = rows.start; y < rows.end; y += band) {
    const height = Math.min(band, rows.end - y);
    const pixels = source.read(start, y, end - start, height);
    for (let row = 0; row < height; row++) {
      resizeLine(pixels, row * (end - start), across, result, (y - rows.start + row) * line);
    }
  }
  return result;
}

function resizeLine(rgba: Uint8ClampedArray, offset: number, across: Taps, result: Uint8ClampedArray, to: number) {
  const { starts, counts, weights, stride, source } = across;
  let out = to;
  for (let x = 0; x < starts.length; x++) {
    let pixel = (offset + (starts[x] as number) - source.start) * 4;
    const first = x * stride;
    const last = first + (counts[x] as number);
    let red = HALF;
    let green = HALF;
    let blue = HALF;
    for (let k = first; k < last; k++) {
      const weight = weights[k] as number;
      red += Math.imul(rgba[pixel] as number, weight);
      green += Math.imul(rgba[pixel + 1] as number, weight);
      blue += Math.imul(rgba[pixel + 2] as number, weight);
      pixel += 4;
    }
    result[out++] = red >> FRACTION;
    result[out++] = green >> FRACTION;
    result[out++] = blue >> FRACTION;
  }
}

/** The vertical pass; `line` is the bytes of a row. */
function resizeRows(pixels: Uint8ClampedArray, line: number, down: Taps): Uint8ClampedArray {
  const { starts, counts, weights, stride, source } = down;
  const result = new Uint8ClampedArray(line * starts.length);
  const sums = new Int32Array(line);
  for (let y = 0; y < starts.length; y++) {
    sums.fill(HALF);
    for (let k = 0; k < (counts[y] as number); k++) {
      const weight = weights[y * stride + k] as number;
      const from = ((starts[y] as number) + k - source.start) * line;
      for (let i = 0; i < line; i++) sums[i] = (sums[i] as number) + Math.imul(pixels[from + i] as number, weight);
    }
    for (let i = 0; i < line; i++) result[y * line + i] = (sums[i] as number) >> FRACTION;
  }
  return result;
}

function taps(from: number, to: number, filter: Filter, wanted: Span): Taps {
  if (from === to) return copies(wanted, (index) => index);
  if (filter === "nearest") {
    const nearest = nearestPixels(from, to);
    return copies(wanted, (index) => nearest[index] as number);
  }
  return weighted(from, to, filter, wanted);
}

/** Taps that take one source pixel as it is. */
function copies(wanted: Span, pick: (index: number) => number): Taps {
  const length = wanted.end - wanted.start;
  const starts = Int32Array.from({ length }, (_, i) => pick(wanted.start + i));
  const ones = new Int32Array(length).fill(1);
  const weights = new Int32Array(length).fill(1 << FRACTION);
  return { starts, counts: ones, weights, stride: 1, source: span(starts, ones) };
}

/** The position advances by repeated addition, as the definition wants it: a product would round differently here and there. */
function nearestPixels(from: number, to: number): Int32Array {
  const step = from / to;
  const result = new Int32Array(to);
  let position = step * 0.5;
  for (let i = 0; i < to; i++) {
    result[i] = Math.min(Math.floor(position), from - 1);
    position += step;
  }
  return result;
}

function weighted(from: number, to: number, filter: "bilinear" | "bicubic", wanted: Span): Taps {
  const { kernel, radius } = KERNELS[filter];
  const scale = from / to;
  const stretch = Math.max(scale, 1); // a shrinking filter spans as many source pixels as fall into one
  const support = radius * stretch;
  const stride = Math.ceil(support) * 2 + 1;
  const length = wanted.end - wanted.start;
  const starts = new Int32Array(length);
  const counts = new Int32Array(length);
  const weights = new Int32Array(length * stride);
  const exact = new Float64Array(stride);
  for (let i = 0; i < length; i++) {
    const center = (wanted.start + i + 0.5) * scale;
    const start = Math.max(0, Math.floor(center - support + 0.5));
    const count = Math.min(from, Math.floor(center + support + 0.5)) - start;
    let total = 0;
    for (let k = 0; k < count; k++) {
      const weight = kernel(Math.abs((start + k - center + 0.5) * (1 / stretch)));
      exact[k] = weight;
      total += weight;
    }
    for (let k = 0; k < count; k++) weights[i * stride + k] = toFixed((exact[k] as number) / total);
    starts[i] = start;
    counts[i] = count;
  }
  return { starts, counts, weights, stride, source: span(starts, counts) };
}

/** Nearest multiple of 2^-22, halves away from zero, as an integer. */
function toFixed(weight: number): number {
  const scaled = weight * (1 << FRACTION);
  return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

function span(starts: Int32Array, counts: Int32Array): Span {
  const last = starts.length - 1;
  return { start: starts[0] as number, end: (starts[last] as number) + (counts[last] as number) };
}

/** Weight at a distance from the centre, and the distance from which it is zero. */
const KERNELS = {
  bilinear: { radius: 1, kernel: (x: number) => (x < 1 ? 1 - x : 0) },
  bicubic: { radius: 2, kernel: bicubic },
} as const;

/** Keys' cubic convolution with a = -1/2. */
function bicubic(x: number): number {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}
