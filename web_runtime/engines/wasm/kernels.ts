// The kernels as the executor sees them: what each takes, and what a call of it may touch.

import type { Expression } from "./expressions.js";
import { table } from "./kernels.gen.js";
import type { PlanDtype } from "./plan.js";

const kinds = ["size", "int", "float", "in", "in?", "out", "inout"] as const;

export type Kind = (typeof kinds)[number];

export interface Argument {
  /** How expressions call it. */
  letter: string;
  kind: Kind;
  /** Of a buffer; null where any does. */
  dtype: PlanDtype | null;
  /** Of a buffer: the bytes that a call may touch, from its start. */
  bytes: Expression;
  /** Of a buffer that is written: the place of the argument whose very bytes it may be given, or -1. */
  over: number;
  /** Count and stride of each axis by which that one is read; none where it is read in the order in which this is written. */
  box: readonly (readonly [string, string])[];
}

export interface Kernel {
  id: number;
  name: string;
  arguments: readonly Argument[];
  /** What must not be negative for a call to touch no more than it says. */
  checks: readonly Expression[];
  /** Scalar operations of a call. */
  work: Expression;
}

/** An argument in the table: a kind; or kind, dtype, elements, and of some the argument that they may lie over and its box. */
type Row = number | [number, string, Expression, number?, [string, string][]?];

const dtypes: Record<string, [PlanDtype | null, number]> = {
  f32: ["float32", 4],
  f16: ["float16", 2],
  i64: ["int64", 8],
  i32: ["int32", 4],
  i8: ["int8", 1],
  u8: ["uint8", 1],
  bool: ["bool", 1],
  any: [null, 1],
};

/** By name; a kernel's id is its place among the sorted names. */
export const kernels: ReadonlyMap<string, Kernel> = new Map(
  Object.entries(table as unknown as Record<string, [Row[], Expression[], Expression]>).map(
    ([name, [rows, checks, work]], id) => [name, { id, name, arguments: rows.map(argument), checks, work }],
  ),
);

function argument(row: Row, place: number): Argument {
  const [kind, name = "any", elements = 0, over = -1, box = []] = typeof row === "number" ? [row] : row;
  const [dtype, size] = dtypes[name] as [PlanDtype | null, number];
  const letter = String.fromCharCode(place < 26 ? 97 + place : 65 + place - 26);
  return { letter, kind: kinds[kind] as Kind, dtype, bytes: ["*", elements, size], over, box };
}
