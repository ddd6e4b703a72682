// Inputs made from what a visitor says: random elements, zeros, JSON. Pure functions but for the dice.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";
import { Complaint } from "../complaint.js";
import { shape } from "../format.js";
import { kinds, put, type Raw, range } from "./dtype.js";

/** Elements beyond this are refused: the page would need several times as many bytes. */
const limit = 2 ** 28;

export function zeros(dtype: Dtype, dims: readonly number[]): Tensor {
  const length = dims.reduce((product, dim) => product * dim, 1);
  if (length > limit) throw new Complaint(`${shape(dims)} is more than this page holds. Choose smaller dimensions.`);
  return { data: new kinds[dtype].array(length), dims };
}

/** Standard normal floats, any byte, 0 or 1 for bool, 0 to 9 for other integers: `describe` says the same in words. */
export function random(dtype: Dtype, dims: readonly number[], dice: () => number = Math.random): Tensor {
  const tensor = zeros(dtype, dims);
  const [low, high] = span(dtype);
  for (let i = 0; i < tensor.data.length; i++) {
    put(dtype, tensor.data, i, kinds[dtype].integer ? low + Math.floor(dice() * (high - low + 1)) : normal(dice));
  }
  return tensor;
}

/** How `random` draws, for the form. */
export function describe(dtype: Dtype): string {
  if (!kinds[dtype].integer) return "normal, mean 0, deviation 1";
  const [low, high] = span(dtype);
  return `whole numbers, ${low} to ${high}`.replace("-", "−");
}

/**
 * Nested lists give their own dims; a flat list, or a single number, takes `dims` when it has as many elements.
 * Throws Complaint.
 */
export function fromJson(dtype: Dtype, text: string, dims: readonly number[]): Tensor {
  const value = parse(text);
  const own = nesting(value);
  const flat = [...leaves(value, own)];
  const wanted = dims.reduce((product, dim) => product * dim, 1);
  const tensor = zeros(dtype, own.length < dims.length && own.length <= 1 && wanted === flat.length ? dims : own);
  flat.forEach((entry, i) => {
    put(dtype, tensor.data, i, element(dtype, entry));
  });
  return tensor;
}

function span(dtype: Dtype): [number, number] {
  const [low, high] = range(dtype);
  return kinds[dtype].bytes === 1 ? [Number(low), Number(high)] : [0, 9];
}

function normal(dice: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - dice())) * Math.cos(2 * Math.PI * dice());
}

// Integers past 2^53 keep their digits where the browser hands a reviver the source text.
function parse(text: string): unknown {
  const exact = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context?.source ?? 0)
      : value;
  try {
    return JSON.parse(text, exact);
  } catch {
    throw new Complaint(
      'This is not JSON. Write numbers in lists, for instance [[1, 2], [3, 4]]; "NaN" and "Infinity" in quotes.',
    );
  }
}

/** The entries of nested lists in order. Throws Complaint where they are not as long and deep as the first of them. */
function* leaves(value: unknown, dims: readonly number[]): Generator<unknown> {
  if (Array.isArray(value) ? value.length !== dims[0] : dims.length > 0) {
    throw new Complaint("The lists have different lengths. Each list of a level needs as many entries as the others.");
  }
  if (!Array.isArray(value)) yield value;
  else for (const entry of value) yield* leaves(entry, dims.slice(1));
}

function nesting(value: unknown): number[] {
  const dims: number[] = [];
  for (let level = value; Array.isArray(level); level = level[0]) dims.push(level.length);
  return dims;
}

function element(dtype: Dtype, entry: unknown): Raw {
  const value =
    typeof entry === "boolean"
      ? Number(entry)
      : typeof entry === "string" && /^(NaN|-?Infinity)$/.test(entry)
        ? Number(entry)
        : entry;
  if (typeof value !== "number" && typeof value !== "bigint")
    throw new Complaint(`${JSON.stringify(entry)} is not a number.`);
  if (!kinds[dtype].integer) return Number(value);
  const [low, high] = range(dtype);
  if (typeof value === "number" && !Number.isInteger(value))
    throw new Complaint(`${value} is not a whole number, which ${dtype} needs.`);
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new Complaint(`${value} has more digits than this browser reads in JSON. Give a .npy file.`);
  }
  if (value < low || value > high)
    throw new Complaint(`${value} does not fit ${dtype}, which holds ${low} to ${high}.`);
  return value;
}
