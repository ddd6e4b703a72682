// Starts the best variant that starts: one after another, each with its engine, its weights and, on a graphics card, a trial.

import { type EngineFiles, type EngineModule, onGpu, type Receive, type Session } from "../shared/engine.js";
import { isPackagerError, PackagerError } from "../shared/errors.js";
import type { Content, Engine, Manifest, Variant } from "../shared/manifest.gen.js";
import { type AnyEngine, type Capabilities, type Choice, chooseModule, chooseThreads, engineOf } from "./choose.js";
import { taskContents, variantContents } from "./manifest.js";
import type { Meter } from "./meter.js";
import { engineFailure } from "./runner.js";
import { imported } from "./script.js";
import type { Source } from "./shards/source.js";
import type { Read } from "./task.js";
import type { Trace } from "./trace.js";

export interface Parts {
  manifest: Manifest;
  capabilities: Capabilities;
  /** As many threads as the page allows. */
  threads: number | undefined;
  source: Source;
  meter: Meter;
  trace: Trace;
  note: (sentence: string) => void;
}

export interface Started {
  variant: Choice<Variant>;
  threads: Choice<number>;
  session: Session;
}

/** Failures of a variant rather than of the network or the bundle: another variant may do better. */
const ofVariant = ["engine-failed", "out-of-memory", "plan-invalid", "unsupported"];

/** The variants that may run here, the best first. `next` starts the first that starts, and goes on from there. */
export class Line {
  readonly #parts: Parts;
  #left: Choice<Variant>[];

  constructor(ranked: Choice<Variant>[], parts: Parts) {
    this.#parts = parts;
    this.#left = ranked;
  }

  /** The variants that have not been tried. */
  get left(): readonly Choice<Variant>[] {
    return this.#left;
  }

  /** The next variant beside the one that runs; it stays in the line. */
  async rival(signal: AbortSignal): Promise<Started | null> {
    const [variant] = this.#left;
    return variant ? start(variant, this.#parts, signal) : null;
  }

  /**
   * @throws {PackagerError} what went wrong with the last of them, and at once what another variant cannot mend.
   */
  async next(signal: AbortSignal): Promise<Started> {
    for (;;) {
      const [variant, ...left] = this.#left;
      if (!variant) throw new PackagerError("internal", "There is no variant left to start.");
      this.#left = left;
      try {
        return await start(variant, this.#parts, signal);
      } catch (error) {
        if (left.length === 0 || !isPackagerError(error) || !ofVariant.includes(error.code)) throw error;
        this.#parts.note(setAside(variant.value, error));
      }
    }
  }
}

/** What the user is told of a variant that does not do. */
export const setAside = ({ id }: Variant, { message }: PackagerError) => `${id} was set aside: ${message}`;

/** Starts one variant; when a part of it fails, the downloads of the others are stopped. */
async function start(variant: Choice<Variant>, parts: Parts, signal: AbortSignal): Promise<Started> {
  const control = new AbortController();
  const stop = () => control.abort(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  try {
    const threads = chooseThreads(variant.value, parts.capabilities, parts.threads);
    const session = await assemble(variant.value, threads.value, parts, control.signal);
    return { variant, threads, session };
  } catch (error) {
    control.abort();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Reads everything of a variant side by side and puts it together. */
async function assemble(variant: Variant, threads: number, parts: Parts, signal: AbortSignal): Promise<Session> {
  const { manifest, capabilities, source, meter, trace } = parts;
  const { signature } = manifest;
  const entry = engineOf(manifest, variant);
  const module = chooseModule(entry, capabilities, threads);
  const needed = [...(module ? [module] : []), ...variantContents(variant)];
  for (const content of needed) meter.expect(content);
  source.reserve([...needed, ...taskContents(manifest)]);
  const read: Read = (content) => source.read(content, "weights", signal);

  meter.enter("engine");
  const starting = startEngine({ entry, module, threads }, parts, signal);
  meter.enter("weights");
  const graphRead = read(variant.graph);
  const receiving = Promise.all([starting, graphRead]).then(([[{ receive }], graph]) => {
    if (!receive) return undefined;
    return engineStep("The engine refused the model", () => trace.time("warm-up", () => receive(graph)));
  });
  const [[engine, files], graph, weights] = await Promise.all([
    starting,
    graphRead,
    readWeights(variant, read, receiving),
  ]);
  meter.enter("start");
  const options = { files, signature, graph, weights, threads };
  const session = await engineStep("The engine refused the model", () =>
    trace.time("session", () => engine.createSession(options)),
  );
  if (onGpu(variant)) {
    const { tryGolden } = await import("./devices.js");
    await trace.time("self-test", () => tryGolden(session, manifest, variant, read));
  }
  return session;
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

/** An engine's entry in the manifest, with what was chosen for this browser. */
interface Chosen {
  entry: AnyEngine;
  module: Content | null;
  threads: number;
}

async function startEngine(
  { entry, module, threads }: Chosen,
  { manifest, source, trace }: Parts,
  signal: AbortSignal,
): Promise<[EngineModule, EngineFiles]> {
  const { script, glue = script } = entry as Engine;
  const scripts = manifest.files.filter(({ path }) => path === script || path === glue);
  const importing = Promise.all(scripts.map((file) => source.check(file, signal))).then(() =>
    imported<EngineModule>(import(source.url(script)), `The engine's script ${source.url(script)}`),
  );
  const moduleRead = module ? source.read(module, "engine", signal) : new Uint8Array();
  const [engine, bytes] = await trace.time("engine-download", () => Promise.all([importing, moduleRead]));
  const engineFiles = { glue: source.url(glue), module: bytes };
  const preparing = () => trace.time("engine-start", () => engine.prepare(engineFiles, threads));
  await engineStep("The engine could not be started", preparing);
  return [engine, engineFiles];
}

async function engineStep<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw engineFailure(what, error);
  }
}
