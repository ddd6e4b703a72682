// The kernels' module in its memory, and the threads that run it: this one, and helpers where memory is shared.

import { aligned } from "./memory.js";
import { exhausted } from "./refusal.js";

const page = 65_536;

/** What a module of kernels gives. */
export interface Kernels {
  run(commands: number, end: number, thread: number, threads: number): void;
  /** Where its own data ends. */
  __heap_base: WebAssembly.Global;
}

export class Team {
  readonly threads: number = 1;
  /** The first address that the module does not use itself. */
  readonly free: number;
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: Kernels;

  private constructor(memory: WebAssembly.Memory, kernels: Kernels) {
    this.#memory = memory;
    this.#kernels = kernels;
    this.free = aligned(kernels.__heap_base.value as number);
  }

  static async alone(module: WebAssembly.Module): Promise<Team> {
    const memory = new WebAssembly.Memory({ initial: 32 });
    const instance = await WebAssembly.instantiate(module, { env: { memory } });
    return new Team(memory, instance.exports as unknown as Kernels);
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

  /** Executes all commands from one address to another. */
  run(commands: number, end: number): void {
    this.#kernels.run(commands, end, 0, 1);
  }

  end(): void {}
}
