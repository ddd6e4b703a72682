// The story of a load, top to bottom: manifest → variants → shards (cache, or else network) → engine → ready.
//
// Nothing waits for what it does not need: all shards are asked for at once, the engine starts as soon as its module is there,
// and what comes from the network is written to the store behind everything else.

import type { ModelInfo, Progress } from "../shared/api.js";
import { onGpu } from "../shared/engine.js";
import type { Manifest, Variant } from "../shared/manifest.gen.js";
import type { LoadParams } from "../shared/protocol.js";
import { type Capabilities, type Choice, detectCapabilities, rankVariants } from "./choose.js";
import { fetchManifest, taskContents } from "./manifest.js";
import { Meter } from "./meter.js";
import { WorkerModel } from "./model.js";
import { Keeper } from "./shards/keeper.js";
import { realClock } from "./shards/retry.js";
import { Source } from "./shards/source.js";
import { openStore } from "./shards/store.js";
import { Line } from "./start.js";
import { prepareTask } from "./task.js";
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
  const manifest = await trace.time("manifest", () => fetchManifest(params.manifestUrl, signal, params));
  const base = new URL(".", params.manifestUrl).href;
  const { ranked, capabilities, race } = await rankHere(manifest, base, params);

  const store = await opening;
  const keeper = new Keeper(store, trace);
  const notes: string[] = [];
  const note = (sentence: string) => notes.push(sentence);
  const { timeout } = params;
  const source = new Source({ base, store, keeper, meter, trace, clock: realClock, timeout, note });
  const line = new Line(ranked, { manifest, capabilities, threads: params.threads, source, meter, trace, note });
  try {
    for (const content of taskContents(manifest)) meter.expect(content);
    // The tokenizer goes before the weights, so that it is set up while they come in.
    const preparing = trace.time("task", () =>
      prepareTask(manifest, (content) => source.read(content, "weights", signal)),
    );
    const [started, steps] = await Promise.all([line.next(signal), preparing]);
    meter.enter("ready");
    const kept = { base, manifest, store, keeper, source };
    return new WorkerModel({ ...kept, started, line, race, steps, meter, trace, notes, hooks });
  } catch (error) {
    control.abort();
    await keeper.idle();
    throw error;
  }
}

interface Ranking {
  ranked: Choice<Variant>[];
  capabilities: Capabilities;
  /** Whether the first two are still to be timed on this device. */
  race: boolean;
}

/** What this device can do, and the variants that suit it. */
async function rankHere(manifest: Manifest, base: string, { variant: wanted, race }: LoadParams): Promise<Ranking> {
  const { variants } = manifest;
  const capabilities = detectCapabilities();
  const racing = manifest.race === true && race && wanted === undefined;
  if (!racing && !variants.some(onGpu)) {
    return { ranked: rankVariants(variants, capabilities, { wanted }), capabilities, race: false };
  }
  const { detectGpu, winnerOf } = await import("./devices.js");
  const [gpu, winner] = await Promise.all([detectGpu(variants), racing ? winnerOf(base, variants) : null]);
  const both = { ...capabilities, gpu };
  return { ranked: rankVariants(variants, both, { wanted, winner }), capabilities: both, race: racing && !winner };
}
