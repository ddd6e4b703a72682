// A loaded model: takes runs one after another, each through checks, engine and the task's steps.

import type { Task, TaskOutput } from "../shared/api.js";
import type { Session } from "../shared/engine.js";
import { abortedError, isPackagerError, PackagerError } from "../shared/errors.js";
import type { Signature } from "../shared/manifest.gen.js";
import type { Ran, RunInput } from "../shared/protocol.js";
import type { Tensors } from "../shared/tensor.js";
import { checkInputs } from "./inputs.js";
import type { TaskSteps } from "./task.js";

/** Gives another session after a failure, or null where there is none to go on with. */
export type Recover = (failure: PackagerError) => Promise<Session | null>;

export class Runner {
  #session: Session;
  readonly #signature: Signature;
  readonly #steps: TaskSteps;
  readonly #recover: Recover;
  /** The end of the queue. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(session: Session, signature: Signature, steps: TaskSteps, recover: Recover) {
    this.#session = session;
    this.#signature = signature;
    this.#steps = steps;
    this.#recover = recover;
  }

  /** Work that no run may come between. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#enqueue(new AbortController().signal, work);
  }

  infer(inputs: Tensors, signal: AbortSignal): Promise<Ran<Tensors>> {
    return this.#enqueue(signal, async () => {
      const start = performance.now();
      const output = await this.#compute(inputs);
      return { output, times: { preprocess: 0, infer: performance.now() - start, postprocess: 0 } };
    });
  }

  run(input: RunInput, signal: AbortSignal): Promise<Ran<TaskOutput[Task]>> {
    return this.#enqueue(signal, async () => {
      const start = performance.now();
      const inputs = await this.#steps.preprocess(input);
      const ready = performance.now();
      const outputs = await this.#compute(inputs);
      const done = performance.now();
      const output = this.#steps.postprocess(outputs, inputs);
      return {
        output,
        times: { preprocess: ready - start, infer: done - ready, postprocess: performance.now() - done },
      };
    });
  }

  /** Frees the engine's memory after the runs that were asked for. */
  dispose(): Promise<void> {
    return this.alone(() => this.#session.dispose());
  }

  async #compute(inputs: Tensors): Promise<Tensors> {
    checkInputs(inputs, this.#signature);
    for (;;) {
      try {
        return await this.#session.infer(inputs);
      } catch (error) {
        const failure = engineFailure("The model could not be run", error);
        const next = await this.#recover(failure);
        if (!next) throw failure;
        this.#session = next;
      }
    }
  }

  #enqueue<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => {
      if (signal.aborted) throw abortedError(signal);
      return work();
    });
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** What an engine threw, as an error of ours with the cause kept. */
export function engineFailure(what: string, cause: unknown): PackagerError {
  if (isPackagerError(cause)) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof RangeError || /bad_alloc|out of memory|failed to allocate/i.test(said)) {
    return new PackagerError(
      "out-of-memory",
      `${what}, because memory ran out. Close other tabs, or give smaller inputs.`,
      { cause },
    );
  }
  return new PackagerError("engine-failed", `${what}: ${said}`, { cause });
}
