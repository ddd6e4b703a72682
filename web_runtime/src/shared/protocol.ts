// All that crosses between the page and its worker, and nothing else. Answers are transferred, not copied.

import type { ModelInfo, Picture, Progress, RunTimes, Task, TaskOutput } from "./api.js";
import type { ErrorData } from "./errors.js";
import type { Manifest } from "./manifest.gen.js";
import type { Tensors } from "./tensor.js";

/** What the page asks for. Each call is answered once, by `result` or `error` with the same id. */
export interface Calls {
  load: { params: LoadParams; result: Loaded };
  run: { params: RunInput; result: Ran<TaskOutput[Task]> };
  infer: { params: Tensors; result: Ran<Tensors> };
  sample: { params: string; result: Tensors };
  dispose: { params: null; result: null };
}

export interface LoadParams {
  /** Absolute URL. */
  manifestUrl: string;
  /** Of whoever signed the bundle, 64 hexadecimal digits; empty where nobody did. */
  publicKey: string;
  variant: string | undefined;
  threads: number | undefined;
  race: boolean;
  timeout: number | undefined;
  /** `performance.timeOrigin` of the page, so that spans read on the page's clock. */
  timeOrigin: number;
  /** When `load` was called, on the page's clock. */
  called: number;
}

export interface Loaded {
  info: ModelInfo;
  manifest: Manifest;
}

/** What a task takes, in a form that can cross. */
export type RunInput = Picture | string | readonly string[] | Tensors;

export interface Ran<Output> {
  output: Output;
  times: RunTimes;
}

export type Call = keyof Calls;

export type ToWorker =
  | { [C in Call]: { type: "call"; id: number; call: C; params: Calls[C]["params"] } }[Call]
  /** Gives up on a call: a load is stopped and its downloads cut, a run that waits is dropped. */
  | { type: "abort"; id: number };

export type ToPage =
  | { type: "progress"; id: number; progress: Progress }
  /** `info` changed after the load: shards were written to the cache, or could not be. */
  | { type: "info"; info: ModelInfo }
  | { [C in Call]: { type: "result"; id: number; call: C; result: Calls[C]["result"] } }[Call]
  | { type: "error"; id: number; error: ErrorData };
