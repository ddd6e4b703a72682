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
  /** Executes the commands from one address to another; `together` lets helpers take part. */
  run(commands: number, end: number, together: number): void;
  /** Where its own data ends. */
  __heap_base: WebAssembly.Global;
  /** In builds with threads: the top of a thread's stack, which its instance's stack pointer has to start from. */
  stack_of?(thread: number): number;
  __stack_pointer?: WebAssembly.Global;
  /** In builds with threads: a helper's life. It takes part in what others run, and never returns. */
  help?(): never;
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
}

/** Starts a helper; resolves when it waits for work. */
export type StartHelper = (task: Task) => Promise<Helper>;

export class Team {
  /** The first address that nothing else uses. */
  readonly free: number;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: Kernels;
  #helpers: Helper[] = [];

  private constructor(memory: WebAssembly.Memory, kernels: Kernels) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.free = aligned(kernels.__heap_base.value as number);
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
    const started = await Promise.allSettled(others.map(async (thread) => start({ module, memory, thread })));
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

  /** Executes all commands from one address to another, together with the helpers or on this thread alone. */
  run(commands: number, end: number, together: boolean): void {
    this.#kernels.run(commands, end, Number(together));
  }

  end(): void {
    for (const helper of this.#helpers) helper.terminate();
    this.#helpers = [];
  }
}

/** A helper's life, until it is terminated. */
export async function help({ module, memory, thread }: Task, ready: () => void): Promise<void> {
  const kernels = await instantiate(module, memory);
  if (kernels.stack_of && kernels.__stack_pointer) kernels.__stack_pointer.value = kernels.stack_of(thread);
  ready();
  kernels.help?.();
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
