// The graph of a variant for webgl, as docs/webgl.md has it. It is data from outside: what is not as it must be ends in an error.

import type { IGraphDef } from "@tensorflow/tfjs-converter/dist/data/compiled_api.js";
import { PackagerError } from "../../src/shared/errors.js";
import { elements } from "../../src/shared/tensor.js";
import { type Expression, evaluate } from "../wasm/expressions.js";

export interface Place {
  name: string;
  /** The node of the graph that takes or gives the tensor. */
  tensor: string;
  shape?: readonly (number | string)[];
}

export interface Weight {
  name: string;
  dtype: "float32" | "int32" | "bool";
  shape: number[];
  location?: string;
  offset?: number;
  stored?: "float32" | "int32" | "bool" | "float16" | "int8";
  /** Where the scales of `int8` start, in the same content. */
  scale?: number;
  /** The dimension that has a scale for each place; the last where nothing is said. */
  axis?: number;
  values?: number[];
}

export interface Sizes {
  name: string;
  shape: number[];
  values: Expression[];
}

export interface GraphModel {
  inputs: Place[];
  outputs: Place[];
  weights: Weight[];
  sizes: Sizes[];
  checks: [Expression, Expression][];
  topology: IGraphDef;
}

export function refused(what: string): PackagerError {
  return new PackagerError("plan-invalid", `The model's graph cannot be run: ${what}. Build the bundle again.`);
}

export function readGraph(bytes: Uint8Array): GraphModel {
  let document: Partial<GraphModel> & { format?: unknown; version?: unknown };
  try {
    document = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new PackagerError("plan-invalid", "The model's graph is not JSON. Build the bundle again.", { cause });
  }
  if (document?.format !== "packager-graph-model") throw refused("it is not a graph model");
  if (document.version !== 1) throw refused(`it is of version ${document.version}`);
  const { inputs, outputs, weights, sizes = [], checks = [], topology } = document;
  if (![inputs, outputs, weights, sizes, checks, topology?.node].every(Array.isArray))
    throw refused("a part is missing");
  return { inputs, outputs, weights, sizes, checks, topology } as GraphModel;
}

/** What the symbols of the inputs' shapes are for tensors of these dims. */
export function bind({ inputs, checks }: GraphModel, dims: readonly (readonly number[])[]): Map<string, number> {
  const symbols = new Map<string, number>();
  inputs.forEach(({ name, shape }, i) => {
    const given = dims[i] as readonly number[];
    if (shape && shape.length !== given.length)
      throw unfit(`"${name}" has ${given.length} dims in place of ${shape.length}`);
    shape?.forEach((size, axis) => {
      const actual = given[axis] as number;
      const wanted = typeof size === "number" ? size : (symbols.get(size) ?? actual);
      if (actual !== wanted) throw unfit(`dim ${axis} of "${name}" is ${actual} in place of ${wanted}`);
      if (typeof size === "string") symbols.set(size, wanted);
    });
  });
  for (const [left, right] of checks) {
    const [a, b] = [evaluate(left, symbols), evaluate(right, symbols)];
    if (a !== b)
      throw unfit(`${JSON.stringify(left)} is ${a}, ${JSON.stringify(right)} is ${b}, and they must be equal`);
  }
  return symbols;
}

/** The numbers that a vector of sizes has. */
export function sizesOf({ name, shape, values }: Sizes, symbols: ReadonlyMap<string, number>): Int32Array {
  const numbers = values.map((value) => evaluate(value, symbols));
  if (numbers.length !== elements(shape) || !numbers.every((size) => Number.isInteger(size) && size === (size | 0)))
    throw unfit(`the sizes "${name}" are ${numbers}`);
  return Int32Array.from(numbers);
}

function unfit(what: string): PackagerError {
  return new PackagerError("input-invalid", `The model cannot be run on inputs of these dims: ${what}.`);
}
