// A plan for inputs of certain dims: every size a number, every value a place in memory, every step a command. What a hostile
// plan could reach is decided here: no command is written whose kernel would touch a byte outside of its buffers.

import { arrayTypes } from "../../src/shared/tensor.js";
import { apply, evaluate, largest, smallest } from "./expressions.js";
import type { Argument } from "./kernels.js";
import { arrange, type Lifetimes } from "./lifetimes.js";
import { aligned } from "./memory.js";
import type { Given, Plan, Port, Step, Value } from "./plan.js";
import type { Range } from "./ranges.js";
import { exhausted, refused, unfit } from "./refusal.js";

/** What a plan may ask for at most. */
export interface Limits {
  /** Bytes of memory in all. */
  memory: number;
  /** Scalar operations of a run: more would take minutes. */
  work: number;
}

export const usualLimits: Limits = { memory: largest - 2 ** 20, work: 4e12 };

/** Addresses at which the parts of memory start, and those of the values that the load steps write. */
export interface Bases {
  weights: number;
  arena: number;
  loaded: ReadonlyMap<number, number>;
}

export interface Location {
  name: string;
  dtype: Value["dtype"];
  dims: number[];
  address: number;
  bytes: number;
}

export interface Bound {
  inputs: readonly Location[];
  outputs: readonly Location[];
  commands: Int32Array<ArrayBuffer>;
  /** Bytes of the arena, and of all values that share it. */
  arena: number;
  activations: number;
  /** Scalar operations of each step, and of a run. */
  works: readonly number[];
  work: number;
}

/** A step that makes something of weights, once. */
export interface LoadStep {
  command: Int32Array<ArrayBuffer>;
  /** The weights that it reads. */
  needs: readonly Range[];
  /** Whether it reads what another such step made. */
  builds: boolean;
}

export interface BoundLoad {
  steps: LoadStep[];
  loaded: Map<number, number>;
  bytes: number;
}

/** Every size and value of a plan in numbers; NaN where they depend on a symbol that has no value. */
interface Measures {
  sizes: Float64Array;
  /** Of each value: its own bytes, where it starts in its root, and the bytes from there to the root's end. */
  bytes: Float64Array;
  starts: Float64Array;
  rooms: Float64Array;
}

/**
 * Binds the steps of a plan to the dims of its inputs, in the order of its inputs.
 *
 * @throws {PackagerError} plan-invalid, input-invalid where it is these dims that do not go, or out-of-memory.
 */
export function bind(
  plan: Plan,
  lives: Lifetimes,
  dims: readonly (readonly number[])[],
  bases: Bases,
  limits: Limits,
): Bound {
  const fail = plan.symbols.length > 0 ? unfit : refused;
  const measures = measure(plan, lives, symbolsOf(plan, dims));
  checkDims(plan, measures, dims, fail);
  const works = checkSteps(plan.steps, "steps", measures, limits, fail);
  const { offsets, size } = arrange(plan, lives, measures.bytes, ({ step, argument }) =>
    rowMajor(plan.steps[step] as Step, argument, measures),
  );
  if (bases.arena + size > limits.memory) throw exhausted(bases.arena + size);
  const addressOf = (value: number) => {
    const root = lives.roots[value] as number;
    const { place, offset } = plan.values[root] as Value;
    const start = measures.starts[value] as number;
    if (place === "weights") return bases.weights + offset + start;
    if (place === "loaded") return (bases.loaded.get(root) as number) + start;
    return bases.arena + (offsets.get(root) as number) + start;
  };
  const locate = ({ name, value }: Port): Location => {
    const { dtype, shape } = plan.values[value] as Value;
    const shown = shape.map((size) => measures.sizes[size] as number);
    return { name, dtype, dims: shown, address: addressOf(value), bytes: measures.bytes[value] as number };
  };
  return {
    inputs: plan.inputs.map(locate),
    outputs: plan.outputs.map(locate),
    commands: encode(plan.steps, measures, addressOf),
    arena: size,
    activations: [...offsets.keys()].reduce((sum, value) => sum + (measures.bytes[value] as number), 0),
    works,
    work: works.reduce((sum, work) => sum + work, 0),
  };
}

/**
 * Binds the load steps; what they write lies one after another from `bases.arena` on.
 *
 * @throws {PackagerError} plan-invalid or out-of-memory.
 */
export function bindLoad(plan: Plan, lives: Lifetimes, bases: Omit<Bases, "loaded">, limits: Limits): BoundLoad {
  const measures = measure(plan, lives, new Map());
  checkSteps(plan.load, "load", measures, limits, refused);
  const loaded = new Map<number, number>();
  let bytes = 0;
  for (const [i, { place }] of plan.values.entries()) {
    if (place !== "loaded") continue;
    if (!((measures.bytes[i] as number) >= 0)) throw refused(`values/${i} has no shape that is known at load`);
    loaded.set(i, bases.arena + bytes);
    bytes += aligned(measures.bytes[i] as number);
  }
  if (bases.arena + bytes > limits.memory) throw exhausted(bases.arena + bytes);
  const addressOf = (value: number) => {
    const root = lives.roots[value] as number;
    const { place, offset } = plan.values[root] as Value;
    return (
      (place === "weights" ? bases.weights + offset : (loaded.get(root) as number)) + (measures.starts[value] as number)
    );
  };
  const steps = plan.load.map((step): LoadStep => {
    const read = step.kernel.arguments.flatMap(({ kind }, j) => {
      const argument = step.arguments[j];
      return kind !== "out" && argument && "value" in argument ? [lives.roots[argument.value] as number] : [];
    });
    const weights = read.filter((root) => plan.values[root]?.place === "weights");
    return {
      command: encode([step], measures, addressOf),
      needs: weights.map((root) => {
        const { offset } = plan.values[root] as Value;
        return [offset, offset + (measures.bytes[root] as number)];
      }),
      builds: weights.length < read.length,
    };
  });
  return { steps, loaded, bytes };
}

function symbolsOf({ values, sizes, inputs }: Plan, dims: readonly (readonly number[])[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const [i, { name, value }] of inputs.entries()) {
    const { shape } = values[value] as Value;
    const given = dims[i] ?? [];
    if (given.length !== shape.length) throw unfit(`"${name}" must have ${shape.length} of them`);
    for (const [axis, size] of shape.entries()) {
      const symbol = sizes[size];
      const dim = given[axis] as number;
      if (typeof symbol !== "string") continue;
      if ((found.get(symbol) ?? dim) !== dim) throw unfit(`"${symbol}" is both ${found.get(symbol)} and ${dim}`);
      found.set(symbol, dim);
    }
  }
  return found;
}

function measure(
  { sizes, values, weights }: Plan,
  { roots }: Lifetimes,
  symbols: ReadonlyMap<string, number>,
): Measures {
  const numbers = new Float64Array(sizes.length);
  for (const [i, size] of sizes.entries()) {
    if (typeof size === "number") numbers[i] = size;
    else if (typeof size === "string") numbers[i] = symbols.get(size) ?? Number.NaN;
    else numbers[i] = apply(size[0], [numbers[size[1]] as number, numbers[size[2]] as number]);
  }
  const [bytes, starts, rooms] = [values, values, values].map(({ length }) => new Float64Array(length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (const [i, { dtype, shape, place, of, offset }] of values.entries()) {
    const element = arrayTypes[dtype].BYTES_PER_ELEMENT;
    bytes[i] = bytesOf(
      shape.map((size) => numbers[size] as number),
      element,
    );
    if (place === "weights" && offset + (bytes[i] as number) > weights)
      throw refused(`values/${i} lies past the end of the weights`);
    if (place === "alias") {
      const start = (starts[of] as number) + (offset < 0 ? 0 : (numbers[offset] as number));
      starts[i] = start >= 0 && start % element === 0 ? start : Number.NaN;
    }
    rooms[i] = (bytes[roots[i] as number] as number) - (starts[i] as number);
  }
  return { sizes: numbers, bytes, starts, rooms };
}

/** Bytes of an array, or NaN where a dim is none or there are more than an address can count. */
function bytesOf(dims: readonly number[], element: number): number {
  let product = element;
  for (const dim of dims) product = dim >= 0 && dim <= largest ? product * dim : Number.NaN;
  return product <= largest ? product : Number.NaN;
}

function checkDims(
  { values, inputs, outputs, check }: Plan,
  { sizes, bytes, rooms }: Measures,
  dims: readonly (readonly number[])[],
  fail: typeof refused,
): void {
  const broken = check.find(([a, b]) => sizes[a] !== sizes[b]);
  if (broken) throw fail(`two sizes must be the same, but are ${sizes[broken[0]]} and ${sizes[broken[1]]}`);
  for (const [i, room] of rooms.entries()) {
    if (!(room >= 0 && (bytes[i] as number) >= 0)) throw fail(`values/${i} has no size that is possible`);
  }
  for (const [i, { name, value }] of inputs.entries()) {
    const shape = (values[value] as Value).shape.map((size) => sizes[size] as number);
    if (shape.some((size, axis) => size !== dims[i]?.[axis]))
      throw unfit(`"${name}" must have the dims [${shape.join(", ")}], not [${dims[i]?.join(", ")}]`);
  }
  for (const { name, value } of outputs) {
    if ((bytes[value] as number) > (rooms[value] as number)) throw fail(`the output "${name}" reaches past its value`);
  }
}

/** Holds every step to its kernel's word, and gives the work of each. */
function checkSteps(
  steps: readonly Step[],
  what: string,
  measures: Measures,
  { work: mostWork }: Limits,
  fail: typeof refused,
): number[] {
  const works: number[] = [];
  let total = 0;
  for (const [i, step] of steps.entries()) {
    const { kernel, arguments: given } = step;
    const where = `${what}/${i} (${kernel.name})`;
    const names = new Map<string, number>();
    const counts = new Map<string, number>();
    for (const [j, { letter, kind }] of kernel.arguments.entries()) {
      if (kind !== "size" && kind !== "int") continue;
      const number = scalar(given[j] as Given, measures);
      if (!(number >= (kind === "size" ? 0 : smallest) && number <= largest))
        throw fail(`${where} has ${number} for its argument ${j}`);
      names.set(letter, number);
      // A loop that does nothing takes time as well.
      counts.set(letter, number === 0 ? 1 : number);
    }
    for (const [j, check] of kernel.checks.entries()) {
      if (!(evaluate(check, names) >= 0)) throw fail(`${where} does not hold to its condition ${j}`);
    }
    for (const [j, { bytes }] of kernel.arguments.entries()) {
      const argument = given[j];
      if (!argument || !("value" in argument)) continue;
      const touched = evaluate(bytes, names);
      const room = measures.rooms[argument.value] as number;
      if (!(touched <= room))
        throw fail(`${where} would touch ${touched} bytes of its argument ${j}, which has ${room}`);
    }
    const work = evaluate(kernel.work, counts);
    works.push(work);
    total += work;
    if (!(total <= mostWork)) throw fail(`${where} is more work than a page can wait for`);
  }
  return works;
}

/** Whether a buffer that a kernel reads by strides is read in the order in which the kernel writes. */
function rowMajor({ kernel, arguments: given }: Step, { box }: Argument, measures: Measures): boolean {
  const numbers = new Map(kernel.arguments.map(({ letter }, j) => [letter, scalar(given[j] as Given, measures)]));
  let wanted = 1;
  return [...box].reverse().every(([count, stride]) => {
    const fits = numbers.get(count) === 1 || numbers.get(stride) === wanted;
    wanted *= numbers.get(count) as number;
    return fits;
  });
}

function scalar(given: Given, { sizes }: Measures): number {
  if (given && "size" in given) return sizes[given.size] as number;
  return given && "int" in given ? given.int : Number.NaN;
}

/** Commands as the kernels' dispatcher reads them: id, number of words, arguments. */
function encode(
  steps: readonly Step[],
  measures: Measures,
  addressOf: (value: number) => number,
): Int32Array<ArrayBuffer> {
  const words = new Int32Array(steps.reduce((sum, { arguments: given }) => sum + 2 + given.length, 0));
  const floats = new Float32Array(words.buffer);
  let at = 0;
  for (const { kernel, arguments: given } of steps) {
    words[at++] = kernel.id;
    words[at++] = 2 + given.length;
    for (const argument of given) {
      if (argument === null) words[at] = 0;
      else if ("value" in argument) words[at] = addressOf(argument.value);
      else if ("float" in argument) floats[at] = argument.float;
      else words[at] = scalar(argument, measures);
      at++;
    }
  }
  return words;
}
