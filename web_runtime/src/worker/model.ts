// A loaded model, in the worker: what protocol.ts lets the page ask of it.

import type { ModelInfo, Task, TaskOutput } from "../shared/api.js";
import type { Session } from "../shared/engine.js";
import type { Manifest, Variant } from "../shared/manifest.gen.js";
import type { Ran, RunInput } from "../shared/protocol.js";
import { shardsOf } from "../shared/store.js";
import type { Tensors } from "../shared/tensor.js";
import type { Choice } from "./choose.js";
import type { Meter } from "./meter.js";
import { Runner } from "./runner.js";
import { readSample } from "./sample.js";
import type { Keeper } from "./shards/keeper.js";
import type { Source } from "./shards/source.js";
import type { Store } from "./shards/store.js";
import type { TaskSteps } from "./task.js";
import type { Trace } from "./trace.js";

interface Made {
  /** The bundle's folder. */
  base: string;
  manifest: Manifest;
  choices: { variant: Choice<Variant>; threads: Choice<number> };
  session: Session;
  steps: TaskSteps;
  store: Store;
  keeper: Keeper;
  source: Source;
  meter: Meter;
  trace: Trace;
  notes: string[];
  hooks: { onInfo: (info: ModelInfo) => void };
}

export class WorkerModel {
  readonly #made: Made;
  readonly #runner: Runner;
  #ran = false;

  constructor(made: Made) {
    this.#made = made;
    this.#runner = new Runner(made.session, made.manifest.signature, made.steps);
    void this.#tidy();
  }

  get manifest(): Manifest {
    return this.#made.manifest;
  }

  get info(): ModelInfo {
    const { manifest, choices, session, keeper, meter, notes, trace } = this.#made;
    const { variant, threads } = choices;
    return {
      id: manifest.id,
      name: manifest.name,
      task: manifest.task.kind,
      variant: variant.value.id,
      target: variant.value.target,
      precision: variant.value.precision,
      reason: variant.reason,
      threads: session.threads,
      threadsReason: session.threads === threads.value ? threads.reason : "The engine could not start more threads.",
      ...keeper.state,
      bytes: meter.bytes,
      notes,
      trace: trace.spans,
    };
  }

  run(input: RunInput, signal: AbortSignal): Promise<Ran<TaskOutput[Task]>> {
    return this.#timed(() => this.#runner.run(input, signal));
  }

  infer(inputs: Tensors, signal: AbortSignal): Promise<Ran<Tensors>> {
    return this.#timed(() => this.#runner.infer(inputs, signal));
  }

  sample(name: string, signal: AbortSignal): Promise<Tensors> {
    const { manifest, source } = this.#made;
    return readSample(name, manifest, (content) => source.read(content, "weights", signal));
  }

  /** Frees the engine's memory; what is still to be stored is stored first. */
  async dispose(): Promise<void> {
    await Promise.all([this.#runner.dispose(), this.#made.keeper.idle()]);
  }

  /** Adds the first run to the trace: engines leave work until then. */
  async #timed<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ran) return work();
    this.#ran = true;
    const { trace, hooks } = this.#made;
    const start = trace.now();
    const result = await work();
    trace.add("first-run", start);
    hooks.onInfo(this.info);
    return result;
  }

  /** When all is stored: notes which shards this bundle needs. Not before it has loaded, or a broken one would claim them. */
  async #tidy(): Promise<void> {
    const { store, keeper, base, manifest, hooks } = this.#made;
    await keeper.idle();
    await store
      .refer(
        base,
        Array.from(shardsOf(manifest), ({ sha256 }) => sha256),
      )
      .catch(() => undefined);
    hooks.onInfo(this.info);
  }
}
