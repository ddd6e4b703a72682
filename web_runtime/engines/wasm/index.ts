// The engine of the target wasm: this project's own. The same script is run by its helper threads, which tell by their name.

import type { EngineFiles, Session, SessionOptions } from "../../src/shared/engine.js";
import { Engine } from "./engine.js";
import { type Helper, help, type Task, Team } from "./team.js";

const helperName = "packager-kernels";
/** A helper that has not started by then, in milliseconds, does not help. */
const patience = 10_000;

let starting: Promise<Team> | null = null;
let engine: Engine | null = null;

/** Compiles the module and starts its threads. Later calls wait for the first: a worker holds one model. */
export async function prepare(files: EngineFiles, threads: number): Promise<void> {
  starting ??= start(files, threads);
  await starting;
}

async function start({ module: bytes, glue }: EngineFiles, threads: number): Promise<Team> {
  const module = await WebAssembly.compile(bytes);
  return threads > 1 ? Team.together(module, threads, (task) => startHelper(glue, task)) : Team.alone(module);
}

/** Reads the plan; what comes back takes the weights as they come in, each part at its offset. */
export async function receive(graph: Uint8Array): Promise<(location: string, bytes: Uint8Array) => void> {
  const made = new Engine(graph, await (starting as Promise<Team>));
  engine = made;
  made.warmUp();
  return (location, bytes) => made.receive(location, bytes);
}

export async function createSession({ files, threads, graph, weights, signature }: SessionOptions): Promise<Session> {
  await prepare(files, threads);
  if (!engine) await receive(graph);
  const made = engine as unknown as Engine;
  made.agree(signature);
  for (const [location, bytes] of weights) {
    made.receive(location, bytes);
    weights.delete(location);
  }
  made.start();
  return made;
}

function startHelper(script: string, task: Task): Promise<Helper> {
  const worker = new Worker(script, { type: "module", name: helperName });
  return new Promise((resolve, reject) => {
    const fail = () => {
      worker.terminate();
      reject(new Error("A thread did not start."));
    };
    const timer = setTimeout(fail, patience);
    worker.onerror = fail;
    worker.onmessage = () => {
      clearTimeout(timer);
      resolve(worker);
    };
    worker.postMessage(task);
  });
}

if (typeof self === "object" && self.name === helperName) {
  self.onmessage = ({ data }: MessageEvent<Task>) => void help(data, () => self.postMessage("ready"));
}
