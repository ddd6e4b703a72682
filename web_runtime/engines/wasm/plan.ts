// A plan, read and checked: docs/plan.md gives its rules. After `parsePlan` every index, dtype and place is sound; what depends
// on the inputs' dims is checked by `bind`.

import { arrayTypes, type DtypeArrays } from "../../src/shared/tensor.js";
import { isOperator, largest, type Operator, smallest } from "./expressions.js";
import { type Argument, type Kernel, kernels } from "./kernels.js";
import { refused } from "./refusal.js";

export type PlanDtype = keyof DtypeArrays;
/** A whole number, a symbol, or an operation on two earlier sizes. */
export type Size = number | string | readonly [Operator, number, number];
export type Place = (typeof places)[number];

const places = ["input", "output", "arena", "weights", "loaded", "alias"] as const;

export interface Value {
  dtype: PlanDtype;
  /** Indices of sizes. */
  shape: readonly number[];
  place: Place;
  /** Of an alias: the value whose bytes it is, an earlier one. */
  of: number;
  /** Of weights: where they lie in the blob, in bytes. Of an alias: the size that says where it starts in the other, or -1. */
  offset: number;
}

/** What a step gives to its kernel, in the kernel's order. */
export type Given = { value: number } | { size: number } | { int: number } | { float: number } | null;

export interface Step {
  kernel: Kernel;
  arguments: readonly Given[];
}

export interface Port {
  name: string;
  value: number;
}

export interface Plan {
  symbols: readonly string[];
  sizes: readonly Size[];
  values: readonly Value[];
  inputs: readonly Port[];
  outputs: readonly Port[];
  /** Bytes of the blob of all weights. */
  weights: number;
  /** Pairs of sizes that have to be the same. */
  check: readonly (readonly [number, number])[];
  /** Run once, after the weights are in memory; it depends on no symbol. */
  load: readonly Step[];
  steps: readonly Step[];
}

/** More of anything is no plan, and would take long to refuse. */
const most = { symbols: 1000, sizes: 100_000, values: 30_000, ports: 1000, steps: 60_000, rank: 16 };

type Fields = Partial<Record<string, unknown>>;

/**
 * The plan that a graph's bytes hold.
 *
 * @throws {PackagerError} plan-invalid, with what is wrong and where.
 */
export function parsePlan(bytes: Uint8Array): Plan {
  const plan = record(parseJson(bytes), "the plan");
  if (plan.format !== "packager-plan") throw refused("it does not say that it is one");
  if (plan.version !== 1) throw refused(`it has the version ${shown(plan.version)}, and this page's engine reads 1`);
  const symbols = list(plan.symbols, "symbols", most.symbols).map((name, i) => text(name, `symbols/${i}`));
  const sizes = parseSizes(list(plan.sizes, "sizes", most.sizes), new Set(symbols));
  const values = list(plan.values, "values", most.values).map((value, i) => parseValue(value, i, sizes.length));
  const parsed = {
    symbols,
    sizes,
    values,
    inputs: parsePorts(plan.inputs, "inputs", "input", values),
    outputs: parsePorts(plan.outputs, "outputs", null, values),
    weights: index(plan.weights, largest, "weights"),
    check: list(plan.check ?? [], "check", most.sizes).map((pair, i) => parsePair(pair, sizes.length, `check/${i}`)),
    load: parseSteps(plan.load, "load", values, sizes.length),
    steps: parseSteps(plan.steps, "steps", values, sizes.length),
  };
  checkInputs(parsed);
  return parsed;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw refused("it is not JSON");
  }
}

function parseSizes(entries: unknown[], symbols: Set<string>): Size[] {
  return entries.map((entry, i) => {
    const where = `sizes/${i}`;
    if (Number.isSafeInteger(entry)) return entry as number;
    if (typeof entry === "string") {
      if (symbols.has(entry)) return entry;
      throw refused(`${where} is ${shown(entry)}, which is no symbol`);
    }
    const [operator, ...operands] = list(entry, where, 3);
    if (!isOperator(operator) || operator === "up" || operator === "span" || operands.length !== 2)
      throw refused(`${where} is no operation that is known`);
    const [a, b] = operands;
    return [operator, index(a, i, where), index(b, i, where)];
  });
}

function parseValue(entry: unknown, position: number, sizes: number): Value {
  const where = `values/${position}`;
  const { dtype, shape, place, of, offset } = record(entry, where);
  if (typeof dtype !== "string" || !Object.hasOwn(arrayTypes, dtype))
    throw refused(`${where} has no dtype that is known`);
  if (!places.includes(place as Place)) throw refused(`${where} has no place that is known`);
  const value = {
    dtype: dtype as PlanDtype,
    shape: list(shape, `${where}/shape`, most.rank).map((size) => index(size, sizes, `${where}/shape`)),
    place: place as Place,
    of: position,
    offset: -1,
  };
  if (place === "weights") value.offset = index(offset, largest, `${where}/offset`);
  else if (place === "alias") {
    // Of an earlier value: so there is no circle.
    value.of = index(of, position, `${where}/of`);
    if (offset !== undefined) value.offset = index(offset, sizes, `${where}/offset`);
  }
  if (place === "weights" && value.offset % 64 !== 0) throw refused(`${where}/offset is no multiple of 64`);
  return value;
}

function parsePair(entry: unknown, sizes: number, where: string): [number, number] {
  const [a, b] = list(entry, where, 2);
  return [index(a, sizes, where), index(b, sizes, where)];
}

function parsePorts(entries: unknown, what: string, place: Place | null, values: Value[]): Port[] {
  const names = new Set<string>();
  return list(entries, what, most.ports).map((entry, i) => {
    const where = `${what}/${i}`;
    const fields = record(entry, where);
    const name = text(fields.name, `${where}/name`);
    const value = index(fields.value, values.length, `${where}/value`);
    if (names.has(name)) throw refused(`${where} has the name of another`);
    if (place && values[value]?.place !== place) throw refused(`${where} names a value of another place`);
    names.add(name);
    return { name, value };
  });
}

function parseSteps(entries: unknown, what: string, values: Value[], sizes: number): Step[] {
  return list(entries, what, most.steps).map((entry, i) => {
    const where = `${what}/${i}`;
    const { kernel: name, args } = record(entry, where);
    const kernel = kernels.get(text(name, `${where}/kernel`));
    if (!kernel) throw refused(`${where} names the kernel ${shown(name)}, which this engine does not have`);
    const given = list(args, `${where}/args`, kernel.arguments.length);
    if (given.length !== kernel.arguments.length)
      throw refused(
        `${where} gives ${given.length} arguments to ${kernel.name}, which takes ${kernel.arguments.length}`,
      );
    const parse = (argument: Argument, j: number) =>
      parseArgument(given[j], argument, `${where}/args/${j}`, values, sizes);
    return { kernel, arguments: kernel.arguments.map(parse) };
  });
}

function parseArgument(given: unknown, argument: Argument, where: string, values: Value[], sizes: number): Given {
  const { kind, dtype } = argument;
  if (given === null && kind === "in?") return null;
  const { v, s, i, f } = record(given, where);
  if (kind === "float") return { float: float(f, where) };
  if (kind === "size" || kind === "int")
    return s === undefined ? { int: int32(i, where) } : { size: index(s, sizes, where) };
  const value = index(v, values.length, where);
  if (dtype && values[value]?.dtype !== dtype)
    throw refused(`${where} is of the dtype ${values[value]?.dtype}, not ${dtype}`);
  return { value };
}

/** Every input is given once, and every symbol is told by an axis of one. */
function checkInputs({ symbols, sizes, values, inputs }: Plan): void {
  const given = new Set(inputs.map(({ value }) => value));
  const lost = values.findIndex(({ place }, i) => place === "input" && !given.has(i));
  if (lost >= 0 || given.size < inputs.length)
    throw refused("its inputs are not its values of the place input, each once");
  const told = new Set(inputs.flatMap(({ value }) => (values[value] as Value).shape.map((size) => sizes[size])));
  const open = symbols.find((symbol) => !told.has(symbol));
  if (open !== undefined) throw refused(`no input tells the size of the symbol ${shown(open)}`);
}

function record(value: unknown, where: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw refused(`${where} is no object`);
}

function list(value: unknown, where: string, longest: number): unknown[] {
  if (Array.isArray(value) && value.length <= longest) return value;
  throw refused(Array.isArray(value) ? `${where} has more than ${longest} entries` : `${where} is no array`);
}

function text(value: unknown, where: string): string {
  if (typeof value === "string" && value.length <= 1000) return value;
  throw refused(`${where} is no text`);
}

function index(value: unknown, below: number, where: string): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < below) return value as number;
  throw refused(`${where} is ${shown(value)}, which is out of range`);
}

function int32(value: unknown, where: string): number {
  if (Number.isInteger(value) && (value as number) >= smallest && (value as number) <= largest) return value as number;
  throw refused(`${where} is ${shown(value)}, no 32-bit whole number`);
}

/** JSON has no infinities and no NaN; a plan writes them as text. */
function float(value: unknown, where: string): number {
  const odd = { inf: Number.POSITIVE_INFINITY, "-inf": Number.NEGATIVE_INFINITY, nan: Number.NaN };
  if (typeof value === "number") return value;
  if (typeof value === "string" && Object.hasOwn(odd, value)) return odd[value as keyof typeof odd];
  throw refused(`${where} is no number`);
}

const shown = (value: unknown) => JSON.stringify(value)?.slice(0, 60) ?? "missing";
