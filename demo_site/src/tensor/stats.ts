// What a tensor holds, in a few figures. Pure functions.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";
import { figure } from "../format.js";
import { at, type Raw } from "./dtype.js";

export interface Stats {
  min: Raw;
  max: Raw;
  mean: number;
  /** Elements that are not a number; they are left out of the rest. */
  nan: number;
}

/** Null for a tensor without elements, or with none that is a number. */
export function stats(dtype: Dtype, { data }: Tensor): Stats | null {
  let min: Raw = Number.POSITIVE_INFINITY;
  let max: Raw = Number.NEGATIVE_INFINITY;
  let sum = 0;
  let nan = 0;
  for (let i = 0; i < data.length; i++) {
    const value = at(dtype, data, i);
    if (Number.isNaN(value)) {
      nan += 1;
      continue;
    }
    if (value < min) min = value;
    if (value > max) max = value;
    sum += Number(value);
  }
  return nan === data.length ? null : { min, max, mean: sum / (data.length - nan), nan };
}

/** One element as text: truth values in words, 64-bit integers in full. */
export function show(dtype: Dtype, value: Raw): string {
  if (dtype === "bool") return value ? "true" : "false";
  return typeof value === "bigint" ? String(value).replace("-", "−") : figure(value);
}
