// A loaded model, in the worker: what protocol.ts lets the page ask of it.

import type { ModelInfo, Task, TaskOutput } from "../shared/api.js";
import { onGpu, type Session } from "../shared/engine.js";
import type { PackagerError } from "../shared/errors.js";
import type { Manifest } from "../shared/manifest.gen.js";
import type { Ran, RunInput } from "../shared/protocol.js";
import { shardsOf } from "../shared/store.js";
import type { Tensors } from "../shared/tensor.js";
import type { Meter } from "./meter.js";
import { Runner } from "./runner.js";
import { readSample } from "./sample.js";
import type { Keeper } from "./shards/keeper.js";
import type { Source } from "./shards/source.js";
import type { Store } from "./shards/store.js";
import { type Line, type Started, setAside } from "./start.js";
import type { Read, TaskSteps } from "./task.js";
import type { Trace } from "./trace.js";

interface Made {
  /** The bundle's folder. */
  base: string;
  manifest: Manifest;
  started: Started;
  /** The variants that may take its place. */
  line: Line;
  /** Whether to find out if the next of them is faster here. */
  race: boolean;
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
  #started: Started;
  readonly #ended = new AbortController();
  #ran = false;

  constructor(made: Made) {
    this.#made = made;
    this.#started = made.started;
    const recover = (failure: PackagerError) => this.#recover(failure);
    this.#runner = new Runner(made.started.session, made.manifest.signature, made.steps, recover);
    void this.#tidy();
  }

  get manifest(): Manifest {
    return this.#made.manifest;
  }

  get info(): ModelInfo {
    const { manifest, keeper, meter, notes, trace } = this.#made;
    const { variant, threads, session } = this.#started;
    return {
      id: manifest.id,
      name: manifest.name,
      task: manifest.task.kind,
      variant: variant.value.id,
      target: variant.value.target,
      precision: variant.value.precision,
      reason: variant.reason,
      device: session.device ?? { kind: "cpu", name: "" },
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
    this.#ended.abort();
    await Promise.all([this.#runner.dispose(), this.#made.keeper.idle()]);
  }

  /** A graphics card can be taken away at any time: the next variant goes on with the very run that failed. */
  async #recover(failure: PackagerError): Promise<Session | null> {
    const { line, notes, hooks } = this.#made;
    const { variant, session } = this.#started;
    if (!onGpu(variant.value) || line.left.length === 0) return null;
    await session.dispose().catch(() => undefined);
    notes.push(setAside(variant.value, failure));
    this.#started = await line.next(new AbortController().signal);
    hooks.onInfo(this.info);
    return this.#started.session;
  }

  /** Behind the first answer, once a device: is the next variant faster here? Nobody waits for it, so that it may fail. */
  async #race(): Promise<void> {
    const { base, manifest, line, source, keeper, race: wanted, notes, hooks } = this.#made;
    if (!wanted || keeper.state.storage === "memory") return;
    const { signal } = this.#ended;
    const rival = await line.rival(signal).catch(() => null);
    if (!rival) return;
    const runner = ({ variant, session }: Started) => ({ variant: variant.value, session });
    try {
      const { race } = await import("./devices.js");
      const read: Read = (content) => source.read(content, "weights", signal);
      const alone = (work: () => Promise<void>) => this.#runner.alone(work);
      notes.push(await race({ base, manifest, runners: [runner(this.#started), runner(rival)], read, alone }));
      hooks.onInfo(this.info);
    } catch {
      // The choice stays as it is.
    } finally {
      await rival.session.dispose().catch(() => undefined);
    }
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
    void this.#race();
    return result;
  }

  /** When all is stored: notes which shards this bundle needs. Not before it has loaded, or a broken one would claim them. */
  async #tidy(): Promise<void> {
    const { store, keeper, base, manifest, hooks } = this.#made;
    await keeper.idle();
    await store.refer(base, shardsOf(manifest)).catch(() => undefined);
    hooks.onInfo(this.info);
  }
}
