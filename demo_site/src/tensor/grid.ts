// A tensor as rows along its last axis, and as few of them as fit a small plot or table. Pure functions.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";
import { at } from "./dtype.js";

export interface Grid {
  rows: number;
  columns: number;
  /** rows × columns values, row-major. */
  values: Float64Array;
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

/**
 * The first two-dimensional slice without axes of one, shrunk to at most `height` × `width`: of the elements that fall together
 * the one farthest from zero stays, so that a single peak is seen. Null for fewer than two elements.
 */
export function picture(dtype: Dtype, { data, dims }: Tensor, height: number, width: number): Grid | null {
  const axes = dims.filter((dim) => dim !== 1);
  const fullColumns = axes.at(-1) ?? 1;
  const fullRows = axes.at(-2) ?? 1;
  if (data.length < 2) return null;
  const rows = Math.min(height, fullRows);
  const columns = Math.min(width, fullColumns);
  const values = new Float64Array(rows * columns);
  for (let r = 0; r < fullRows; r++) {
    const row = Math.floor((r * rows) / fullRows) * columns;
    for (let c = 0; c < fullColumns; c++) {
      const value = Number(at(dtype, data, r * fullColumns + c));
      const cell = row + Math.floor((c * columns) / fullColumns);
      if (Math.abs(value) > Math.abs(values[cell] ?? 0)) values[cell] = value;
    }
  }
  return { rows, columns, values };
}

/** Which slice `picture` shows, as an index: "[0, 0, :, :]"; empty when it shows the whole tensor. */
export function sliceName(dims: readonly number[]): string {
  const shown = dims
    .map((dim, axis) => ({ dim, axis }))
    .filter(({ dim }) => dim !== 1)
    .slice(-2)
    .map(({ axis }) => axis);
  const whole = dims.every((dim, axis) => dim === 1 || shown.includes(axis));
  return whole ? "" : `[${dims.map((_, axis) => (shown.includes(axis) ? ":" : "0")).join(", ")}]`;
}
