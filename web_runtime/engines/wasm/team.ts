// The kernels' module in its memory, and the threads that run it: this one, and helpers where memory is shared.

import { aligned } from "./memory.js";
import { exhausted } from "./refusal.js";

const page = 65_536;
/** Pages to start with, which the module's own data must fit in; memory grows when a model needs more. */
const few = { alone: 8, shared: 32 };
/** Shared memory reserves addresses up to its maximum, of which small devices have less. */
const maxima = [32_768, 16_384, 8192, 4096];

/** What a build of the kernels' module gives. */
export interface Kernels {
  run(commands: number, end: number, thread: number, threads: number): void;
  /** Where its own data ends. */
  __heap_base: WebAssembly.Global;
  /** In builds with threads: the top of a thread's stack, which its instance's stack pointer has to start from. */
  stack_of?(thread: number): number;
  __stack_pointer?: WebAssembly.Global;
}

export interface Helper {
  /** Ends it, whatever it does. */
  terminate(): void;
}

/** What a helper is told when it starts. */
export interface Task {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Its number, from 1; this thread is 0. */
  thread: number;
  /** Address of the words that say what is to be run. */
  control: number;
}

/** Starts a helper; resolves when it waits for work. */
export type StartHelper = (task: Task) => Promise<Helper>;

/** Words at `control`. */
const word = { round: 0, commands: 1, end: 2, threads: 3, count: 16 };
/** How often a thread looks for work before it sleeps: about as long as a small layer takes. */
const spins = 2000;

export class Team {
  /** The first address that nothing else uses. */
  readonly free: number;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: Kernels;
  readonly #control: number;
  #helpers: Helper[] = [];

  private constructor(memory: WebAssembly.Memory, kernels: Kernels) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.#control = aligned(kernels.__heap_base.value as number);
    this.free = this.#control + 4 * word.count;
    this.reserve(this.free, Number.POSITIVE_INFINITY);
  }

  get threads(): number {
    return 1 + this.#helpers.length;
  }

  /** One thread, with a build for one. */
  static async alone(module: WebAssembly.Module): Promise<Team> {
    const memory = new WebAssembly.Memory({ initial: few.alone });
    return new Team(memory, await instantiate(module, memory));
  }

  /** So many threads, or as many of them as start, with a build for threads. */
  static async together(module: WebAssembly.Module, threads: number, start: StartHelper): Promise<Team> {
    const memory = shared();
    const team = new Team(memory, await instantiate(module, memory));
    const others = Array.from({ length: threads - 1 }, (_, i) => i + 1);
    const started = await Promise.allSettled(
      others.map(async (thread) => start({ module, memory, thread, control: team.#control })),
    );
    team.#helpers = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    return team;
  }

  /**
   * Makes memory reach to `end`.
   *
   * @throws {PackagerError} out-of-memory.
   */
  reserve(end: number, most: number): void {
    const missing = end - this.#memory.buffer.byteLength;
    if (missing <= 0) return;
    if (end > most) throw exhausted(end);
    try {
      this.#memory.grow(Math.ceil(missing / page));
    } catch (cause) {
      throw exhausted(end, cause);
    }
  }

  /** A view that is good until memory grows. */
  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, address, length);
  }

  /** Executes all commands from one address to another, on so many of its threads: on all of them or on this one. */
  run(commands: number, end: number, threads: number): void {
    if (threads > 1) {
      const words = new Int32Array(this.#memory.buffer, this.#control, word.count);
      words[word.commands] = commands;
      words[word.end] = end;
      words[word.threads] = threads;
      Atomics.add(words, word.round, 1);
      Atomics.notify(words, word.round);
    }
    this.#kernels.run(commands, end, 0, threads);
  }

  end(): void {
    for (const helper of this.#helpers) helper.terminate();
    this.#helpers = [];
  }
}

/** A helper's life: it waits for commands and runs them with the others, until it is terminated. */
export async function help({ module, memory, thread, control }: Task, ready: () => void): Promise<never> {
  const kernels = await instantiate(module, memory);
  if (kernels.stack_of && kernels.__stack_pointer) kernels.__stack_pointer.value = kernels.stack_of(thread);
  const words = new Int32Array(memory.buffer, control, word.count);
  let round = Atomics.load(words, word.round);
  ready();
  for (;;) {
    for (let i = 0; i < spins && Atomics.load(words, word.round) === round; i++);
    Atomics.wait(words, word.round, round);
    round = Atomics.load(words, word.round);
    kernels.run(words[word.commands] as number, words[word.end] as number, thread, Atomics.load(words, word.threads));
  }
}

async function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<Kernels> {
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  return exports as unknown as Kernels;
}

function shared(): WebAssembly.Memory {
  let refusal: unknown;
  for (const maximum of maxima) {
    try {
      return new WebAssembly.Memory({ initial: few.shared, maximum, shared: true });
    } catch (error) {
      refusal = error;
    }
  }
  throw exhausted(few.shared * page, refusal);
}
