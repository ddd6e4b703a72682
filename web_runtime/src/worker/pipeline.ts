// The story of a load, top to bottom: manifest → choice → shards (cache, or else network) → engine → ready.
//
// Nothing waits for what it does not need: all shards are asked for at once, the engine starts as soon as its module is there,
// and what comes from the network is written to the store behind everything else.

import type { ModelInfo, Progress } from "../shared/api.js";
import type { EngineFiles, EngineModule, Receive, Session } from "../shared/engine.js";
import { PackagerError } from "../shared/errors.js";
import type { CompiledEngine, Content, Engine, File, Manifest, Variant } from "../shared/manifest.gen.js";
import type { LoadParams } from "../shared/protocol.js";
import { chooseModule, chooseThreads, chooseVariant, detectCapabilities } from "./choose.js";
import { fetchManifest, taskContents, variantContents } from "./manifest.js";
import { Meter } from "./meter.js";
import { WorkerModel } from "./model.js";
import { engineFailure } from "./runner.js";
import { Keeper } from "./shards/keeper.js";
import { realClock } from "./shards/retry.js";
import { Source } from "./shards/source.js";
import { openStore } from "./shards/store.js";
import { prepareTask, type Read, type TaskSteps } from "./task.js";
import { Trace } from "./trace.js";

export interface Hooks {
  onProgress: (progress: Progress) => void;
  /** The info of a model that is loaded already has changed. */
  onInfo: (info: ModelInfo) => void;
}

/**
 * Loads a bundle. `control` stops the load from outside, and is used to stop its other parts when one has failed.
 *
 * @throws {PackagerError} the first failure of any part; what was verified by then stays in the store.
 */
export async function load(params: LoadParams, control: AbortController, hooks: Hooks): Promise<WorkerModel> {
  const { signal } = control;
  const trace = new Trace(params.timeOrigin);
  trace.add("worker-start", params.called);
  const meter = new Meter(hooks.onProgress);
  meter.enter("manifest");
  const opening = openStore();
  const manifest = await trace.time("manifest", () => fetchManifest(params.manifestUrl, signal, params.publicKey));
  const capabilities = detectCapabilities();
  const variant = chooseVariant(manifest.variants, capabilities, params.variant);
  const threads = chooseThreads(capabilities, params.threads);

  const base = new URL(".", params.manifestUrl).href;
  const store = await opening;
  const keeper = new Keeper(store, trace);
  const notes: string[] = [];
  const note = (sentence: string) => notes.push(sentence);
  const source = new Source({ base, store, keeper, meter, trace, clock: realClock, note });
  try {
    const parts = { source, meter, trace, signal };
    const entry = manifest.engines[variant.value.target] as Engine | CompiledEngine; // fetchManifest saw to it
    const engine = { entry, module: chooseModule(entry, capabilities, threads.value), threads: threads.value };
    const { session, steps } = await assemble(manifest, variant.value, engine, parts);
    meter.enter("ready");
    const choices = { variant, threads };
    return new WorkerModel({
      base,
      manifest,
      choices,
      session,
      steps,
      store,
      keeper,
      source,
      meter,
      trace,
      notes,
      hooks,
    });
  } catch (error) {
    control.abort();
    await keeper.idle();
    throw error;
  }
}

interface Parts {
  source: Source;
  meter: Meter;
  trace: Trace;
  signal: AbortSignal;
}

interface Assembled {
  session: Session;
  steps: TaskSteps;
}

/** An engine's entry in the manifest, with what was chosen for this browser. */
interface Chosen {
  entry: Engine | CompiledEngine;
  module: Content;
  threads: number;
}

/** Reads everything side by side and puts it together. */
async function assemble(manifest: Manifest, variant: Variant, chosen: Chosen, parts: Parts): Promise<Assembled> {
  const { source, meter, trace, signal } = parts;
  const { signature, files } = manifest;
  const { module, threads } = chosen;
  for (const content of [module, ...variantContents(variant), ...taskContents(manifest)]) meter.expect(content);
  const read: Read = (content) => source.read(content, "weights", signal);

  meter.enter("engine");
  const starting = startEngine(chosen, files, parts);
  meter.enter("weights");
  // The tokenizer goes before the weights, so that it is set up while they come in.
  const preparing = trace.time("task", () => prepareTask(manifest, read));
  const graphRead = read(variant.graph);
  const receiving = Promise.all([starting, graphRead]).then(([[{ receive }], graph]) => {
    if (!receive) return undefined;
    return engineStep("The engine refused the model", () => trace.time("warm-up", () => receive(graph)));
  });
  const reading = Promise.all([graphRead, readWeights(variant, read, receiving)]);
  const creating = Promise.all([starting, reading]).then(([[engine, engineFiles], [graph, weights]]) => {
    meter.enter("start");
    const options = { files: engineFiles, signature, graph, weights, threads };
    return engineStep("The engine refused the model", () => trace.time("session", () => engine.createSession(options)));
  });
  const [session, steps] = await Promise.all([creating, preparing]);
  return { session, steps };
}

/** The weights by location; those that the engine takes as they come in are not held here as well. */
async function readWeights(
  { weights }: Variant,
  read: Read,
  receiving: Promise<Receive | undefined>,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const held = new Map<string, Uint8Array<ArrayBuffer>>();
  const reading = weights.map(async ({ location, content }) => {
    const bytes = await read(content);
    const receive = await receiving;
    if (receive) receive(location, bytes);
    else held.set(location, bytes);
  });
  await Promise.all([receiving, ...reading]);
  return held;
}

async function startEngine(
  { entry, module, threads }: Chosen,
  files: File[],
  { source, trace, signal }: Parts,
): Promise<[EngineModule, EngineFiles]> {
  const { script, glue = script } = entry as Engine;
  const scripts = files.filter(({ path }) => path === script || path === glue);
  const importing = Promise.all(scripts.map((file) => source.check(file, signal))).then(() =>
    importEngine(source.url(script)),
  );
  const downloading = () => Promise.all([importing, source.read(module, "engine", signal)]);
  const [engine, bytes] = await trace.time("engine-download", downloading);
  const engineFiles = { glue: source.url(glue), module: bytes };
  const preparing = () => trace.time("engine-start", () => engine.prepare(engineFiles, threads));
  await engineStep("The engine could not be started", preparing);
  return [engine, engineFiles];
}

async function importEngine(url: string): Promise<EngineModule> {
  try {
    return await import(url);
  } catch (cause) {
    const message = `The engine's script ${url} could not be loaded. Check the connection and that the whole bundle was uploaded.`;
    throw new PackagerError("file-unreachable", message, { cause });
  }
}

async function engineStep<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw engineFailure(what, error);
  }
}
