// A model on the kernels: its memory, its weights in it, and runs. Memory, from its start: what the module itself needs, the
// threads' stacks, the commands, the weights, what the load steps made of them, and the arena.

import type { Session } from "../../src/shared/engine.js";
import type { Signature, TensorType } from "../../src/shared/manifest.gen.js";
import { arrayTypes, type Tensor, type Tensors } from "../../src/shared/tensor.js";
import {
  type Bases,
  type Bound,
  bind,
  bindLoad,
  type Limits,
  type LoadStep,
  type Location,
  usualLimits,
} from "./bind.js";
import type { Kernel } from "./kernels.js";
import { type Lifetimes, lifetimes } from "./lifetimes.js";
import { aligned } from "./memory.js";
import { type Plan, type Port, parsePlan, type Size, type Step, type Value } from "./plan.js";
import { Ranges } from "./ranges.js";
import { refused, unfit } from "./refusal.js";
import type { Team } from "./team.js";

/** Operations in a step below which threads would spend more time on meeting than they save. */
const worthMeeting = 1.5e5;

/** Bindings that are kept: texts come in many lengths, and binding anew costs a millisecond. */
const mostBound = 16;

export interface Figures extends Omit<Bound, "commands" | "works"> {
  weightsAt: number;
  arenaAt: number;
}

export class Engine implements Session {
  readonly #team: Team;
  readonly #plan: Plan;
  readonly #lives: Lifetimes;
  readonly #limits: Limits;
  readonly #commands: number;
  readonly #bases: Bases;
  readonly #received = new Ranges();
  /** Load steps that are still to run. */
  #load: readonly LoadStep[];
  /** By the inputs' dims, the least recently used first. */
  readonly #bound = new Map<string, Bound>();
  #current: Int32Array | null = null;

  /**
   * Reads the plan and makes room for its weights.
   *
   * @throws {PackagerError} plan-invalid or out-of-memory.
   */
  constructor(graph: Uint8Array, team: Team, limits: Limits = usualLimits) {
    this.#team = team;
    this.#limits = limits;
    this.#plan = parsePlan(graph);
    this.#lives = lifetimes(this.#plan);
    const { steps, load, weights } = this.#plan;
    // Sizes of commands are the same for all bindings.
    const words = Math.max(
      ...[steps, load].map((list) => list.reduce((sum, step) => sum + 2 + step.arguments.length, 0)),
    );
    this.#commands = team.free;
    const start = aligned(this.#commands + 4 * words);
    const end = aligned(start + weights);
    const { steps: loading, loaded, bytes } = bindLoad(this.#plan, this.#lives, { weights: start, arena: end }, limits);
    this.#bases = { weights: start, arena: end + bytes, loaded };
    this.#load = loading;
    team.reserve(this.#bases.arena, limits.memory);
  }

  get threads(): number {
    return this.#team.threads;
  }

  /**
   * Puts a part of the weights into memory, and runs the load steps that waited for it.
   *
   * @throws {PackagerError} plan-invalid where it lies outside of the weights.
   */
  receive(location: string, bytes: Uint8Array): void {
    const offset = Number(location);
    if (!Number.isInteger(offset) || offset < 0 || offset + bytes.length > this.#plan.weights)
      throw refused(`its weights have no place for ${bytes.length} bytes at ${location}`);
    this.#team.bytes(this.#bases.weights + offset, bytes.length).set(bytes);
    this.#received.add([offset, offset + bytes.length]);
    const able = ({ needs, builds }: LoadStep) => !builds && needs.every((range) => this.#received.holds(range));
    const ready = new Set(this.#load.filter(able));
    this.#load = this.#load.filter((step) => !ready.has(step));
    for (const { command } of ready) this.#execute(command, Number.POSITIVE_INFINITY);
  }

  /**
   * Holds the plan to the model's signature.
   *
   * @throws {PackagerError} plan-invalid where they differ in names or dtypes.
   */
  agree({ inputs, outputs }: Signature): void {
    const described = (types: readonly TensorType[]) =>
      types
        .map(({ name, dtype }) => `${name}: ${dtype}`)
        .sort()
        .join();
    const planned = (ports: readonly Port[]) =>
      described(
        ports.map(({ name, value }) => ({ name, dtype: (this.#plan.values[value] as Value).dtype, shape: [] })),
      );
    if (planned(this.#plan.inputs) !== described(inputs) || planned(this.#plan.outputs) !== described(outputs))
      throw refused("its inputs and outputs are not the model's");
  }

  /**
   * Runs some small steps on whatever is in memory, so that the browser makes fast code of their kernels while the weights
   * come in: it does so only for what it has seen run, and the first answer would have to do without.
   */
  warmUp(): void {
    for (const size of [8, 32, 1]) {
      try {
        const symbols = new Map(this.#plan.symbols.map((symbol) => [symbol, size]));
        const bound = bind(this.#plan, this.#lives, inputDims(this.#plan, symbols), this.#bases, this.#limits);
        this.#team.reserve(this.#bases.arena + bound.arena, this.#limits.memory);
        this.#execute(lightest(this.#plan.steps, bound), 0);
        return;
      } catch {
        // Not every size goes with every model.
      }
    }
  }

  /**
   * Runs the load steps that are left, and binds what depends on no symbol.
   *
   * @throws {PackagerError} plan-invalid where weights are missing.
   */
  start(): void {
    if (!this.#received.holds([0, this.#plan.weights])) throw refused("some of its weights are not there");
    for (const { command } of this.#load) this.#execute(command, Number.POSITIVE_INFINITY);
    this.#load = [];
    if (this.#plan.symbols.length === 0) this.#bind(inputDims(this.#plan, new Map()));
  }

  async infer(inputs: Tensors): Promise<Tensors> {
    const given = this.#plan.inputs.map(({ name }) => {
      const tensor = inputs[name];
      if (!tensor) throw unfit(`"${name}" is missing`);
      return tensor;
    });
    const bound = this.#bind(given.map(({ dims }) => dims));
    for (const [i, location] of bound.inputs.entries()) this.#write(location, given[i] as Tensor);
    this.#execute(bound.commands, bound.work);
    return Object.fromEntries(bound.outputs.map((location) => [location.name, this.#read(location)]));
  }

  /** What a run on inputs of these dims, in the plan's order, takes and does, and where weights and arena start. */
  figures(dims: readonly (readonly number[])[]): Figures {
    const { arena, activations, work, inputs, outputs } = this.#bind(dims);
    return { arena, activations, work, inputs, outputs, weightsAt: this.#bases.weights, arenaAt: this.#bases.arena };
  }

  async dispose(): Promise<void> {
    this.#team.end();
  }

  #bind(dims: readonly (readonly number[])[]): Bound {
    const key = JSON.stringify(dims);
    const bound = this.#bound.get(key) ?? bind(this.#plan, this.#lives, dims, this.#bases, this.#limits);
    this.#team.reserve(this.#bases.arena + bound.arena, this.#limits.memory);
    this.#bound.delete(key);
    this.#bound.set(key, bound);
    for (const [oldest] of this.#bound) if (this.#bound.size > mostBound) this.#bound.delete(oldest);
    return bound;
  }

  #execute(commands: Int32Array, work: number): void {
    if (this.#current !== commands) {
      const bytes = new Uint8Array(commands.buffer, commands.byteOffset, commands.byteLength);
      this.#team.bytes(this.#commands, bytes.length).set(bytes);
      this.#current = commands;
    }
    const together = this.threads > 1 && work > worthMeeting * this.#plan.steps.length;
    this.#team.run(this.#commands, this.#commands + commands.byteLength, together);
  }

  #write({ name, dtype, address, bytes }: Location, { data }: Tensor): void {
    if (data.byteLength !== bytes || !(data instanceof arrayTypes[dtype]))
      throw unfit(`"${name}" does not hold ${bytes} bytes of ${dtype}`);
    this.#team.bytes(address, bytes).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  #read({ dtype, dims, address, bytes }: Location): Tensor {
    const data = new arrayTypes[dtype](new Uint8Array(this.#team.bytes(address, bytes)).buffer);
    return { data, dims };
  }
}

/** Dims of the inputs, where they are numbers or symbols that have a size. */
function inputDims({ inputs, values, sizes }: Plan, symbols: ReadonlyMap<string, number>): number[][] {
  const dim = (size: Size | undefined) => (typeof size === "string" ? symbols.get(size) : size) as number;
  return inputs.map(({ value }) => (values[value] as Value).shape.map((size) => dim(sizes[size])));
}

/** Operations of a kernel after which browsers have made fast code of it, or are about to; and the most in one step. */
const enough = 1.5e7;
const tooMany = 4e7;

/** Of a binding's commands those of the smallest steps of each kernel, as many as are enough. */
function lightest(steps: readonly Step[], { commands, works }: Bound): Int32Array<ArrayBuffer> {
  const order = steps.map((_, i) => i).sort((a, b) => (works[a] as number) - (works[b] as number));
  const done = new Map<Kernel, number>();
  const taken = new Set<number>();
  for (const i of order) {
    const [{ kernel }, work] = [steps[i] as Step, works[i] as number];
    const before = done.get(kernel) ?? 0;
    if (before >= enough || work > tooMany) continue;
    done.set(kernel, before + work);
    taken.add(i);
  }
  let at = 0;
  const parts = steps.map(({ arguments: given }, i) => {
    const start = at;
    at += 2 + given.length;
    return taken.has(i) ? [...commands.subarray(start, at)] : [];
  });
  return Int32Array.from(parts.flat());
}
