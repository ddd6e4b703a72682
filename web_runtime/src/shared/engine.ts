// What an engine is: a script of the bundle that the worker imports. It exports `createSession`.

import type { Device } from "./api.js";
import type { Signature, Variant } from "./manifest.gen.js";
import type { Tensors } from "./tensor.js";

export interface EngineFiles {
  /** URL of the script that starts the module and its threads: the engine's own where it has no other. */
  glue: string;
  /** The verified WebAssembly module; empty where the engine is a script alone. */
  module: Uint8Array<ArrayBuffer>;
}

export interface SessionOptions {
  files: EngineFiles;
  signature: Signature;
  /** The verified graph. */
  graph: Uint8Array<ArrayBuffer>;
  /** The verified weights by the location that the graph names, but those that were received. The engine may empty the map to free memory. */
  weights: Map<string, Uint8Array<ArrayBuffer>>;
  /** How many threads to compute with; 1 where the page is not cross-origin isolated. */
  threads: number;
}

export interface Session {
  /** Threads in use, which may be fewer than were asked for. */
  readonly threads: number;
  /** The graphics card that computes; left out where the processor does. */
  readonly device?: Device;
  infer(inputs: Tensors): Promise<Tensors>;
  dispose(): Promise<void>;
}

/** Whether a variant computes on the graphics card: such an engine may fail at any time, as when the card is taken away. */
export const onGpu = ({ target }: Pick<Variant, "target">) => target === "webgpu" || target === "webgl";

/** Takes the verified weights of a location; the engine has copied them when it returns. */
export type Receive = (location: string, bytes: Uint8Array<ArrayBuffer>) => void;

export type CreateSession = (options: SessionOptions) => Promise<Session>;

export interface EngineModule {
  /**
   * Starts the WebAssembly module before the weights are there: called as soon as the module is verified, side by side with
   * the downloads. createSession awaits it.
   */
  prepare(files: EngineFiles, threads: number): Promise<void>;
  /** Reads the verified graph before the weights are there, where the engine can take them one by one as they come in. */
  receive?(graph: Uint8Array<ArrayBuffer>): Promise<Receive>;
  createSession: CreateSession;
}
