// A tensor as rows along its last axis, and as few of them as fit a small plot or table. Pure functions.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";
import { at, type Raw } from "./dtype.js";

export interface Grid {
  rows: number;
  columns: number;
  /** rows × columns values, row-major. */
  values: Float64Array;
  /** Rows and columns before they were shrunk. */
  full: { rows: number; columns: number };
  /** Of all finite values, before they were shrunk. */
  limits: Limits;
}

/** The values between which a plot runs. */
export interface Limits {
  low: number;
  high: number;
}

/** Rows and columns of the whole tensor: the last axis runs along a row, a scalar is one row of one. */
export function extent(dims: readonly number[]): { rows: number; columns: number } {
  return { rows: dims.slice(0, -1).reduce((product, dim) => product * dim, 1), columns: dims.at(-1) ?? 1 };
}

/** The index of a row in every axis but the last: row 5 of 2 × 3 × 4 → [1, 2]. */
export function rowIndex(dims: readonly number[], row: number): number[] {
  const index: number[] = [];
  let rest = row;
  for (const dim of dims.slice(0, -1).reverse()) {
    index.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return index;
}

/** Where in a row its largest element is; the first of several, 0 where none is a number. */
export function largest(dtype: Dtype, { data, dims }: Tensor, row: number): number {
  const { columns } = extent(dims);
  let best = 0;
  let most: Raw = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < columns; c++) {
    const value = at(dtype, data, row * columns + c);
    if (value > most) {
      most = value;
      best = c;
    }
  }
  return best;
}

/**
 * The first two-dimensional slice without axes of one, shrunk to at most `height` × `width`: of the elements that fall together
 * the one farthest from zero stays, so that a single peak is seen.
 */
export function slice(dtype: Dtype, { data, dims }: Tensor, height: number, width: number): Grid {
  const axes = dims.filter((dim) => dim !== 1);
  const full = { rows: axes.at(-2) ?? 1, columns: axes.at(-1) ?? 1 };
  const rows = Math.min(height, full.rows);
  const columns = Math.min(width, full.columns);
  const values = new Float64Array(rows * columns);
  const limits = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };
  for (let r = 0; r < full.rows; r++) {
    const row = Math.floor((r * rows) / full.rows) * columns;
    for (let c = 0; c < full.columns; c++) {
      const value = Number(at(dtype, data, r * full.columns + c));
      if (Number.isFinite(value)) {
        limits.low = Math.min(limits.low, value);
        limits.high = Math.max(limits.high, value);
      }
      const cell = row + Math.floor((c * columns) / full.columns);
      if (Math.abs(value) > Math.abs(values[cell] ?? 0)) values[cell] = value;
    }
  }
  return { rows, columns, values, full, limits: limits.low <= limits.high ? limits : { low: 0, high: 0 } };
}

/** Which part `slice` shows, as an index: "[0, :, :]"; empty when it is the whole tensor. */
export function sliceName(dims: readonly number[]): string {
  const axes = dims.map((_, axis) => axis).filter((axis) => dims[axis] !== 1);
  const shown = axes.slice(-2);
  return axes.length <= 2 ? "" : `[${dims.map((_, axis) => (shown.includes(axis) ? ":" : "0")).join(", ")}]`;
}
