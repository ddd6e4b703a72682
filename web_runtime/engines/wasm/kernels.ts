// The kernels as the executor sees them: what each takes, and what a call of it may touch.

import type { Expression } from "./expressions.js";
import { table } from "./kernels.gen.js";
import type { PlanDtype } from "./plan.js";

export type Kind = "in" | "in?" | "out" | "inout" | "size" | "int" | "float";

export interface Argument {
  name: string;
  kind: Kind;
  /** Of a buffer; null where any does. */
  dtype: PlanDtype | null;
  /** Of a buffer: the bytes that a call may touch, from its start. */
  bytes: Expression;
  /** Of a buffer that is written: the argument whose very bytes it may be given. */
  over: string | null;
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

interface Described {
  name: string;
  kind: string;
  dtype?: string;
  elements?: unknown;
  over?: string;
}

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
  Object.entries(table).map(([name, { args, checks, work }], id) => [
    name,
    {
      id,
      name,
      arguments: (args as readonly Described[]).map(argument),
      checks: checks as unknown as readonly Expression[],
      work: work as Expression,
    },
  ]),
);

function argument({ name, kind, dtype = "any", elements = 0, over = undefined }: Described): Argument {
  const [type, size] = dtypes[dtype] as [PlanDtype | null, number];
  return {
    name,
    kind: kind as Kind,
    dtype: type,
    bytes: ["*", elements as Expression, size],
    over: over ?? null,
  };
}
