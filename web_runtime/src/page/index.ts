// The public surface of the runtime: what packager.js exports, and nothing else.

import type { LoadOptions, Model, Task } from "../shared/api.js";
import type { Inputs, ModelTask, Outputs } from "../shared/bundle.js";
import { PackagerError } from "../shared/errors.js";

declare const WORKER_URL: string;

export type {
  Classification,
  Dtype,
  LoadOptions,
  Manifest,
  Model,
  ModelInfo,
  Phase,
  Picture,
  Progress,
  RunOptions,
  RunTimes,
  Span,
  Task,
  TaskInput,
  TaskOutput,
  Tensor,
  Tensors,
} from "../shared/api.js";
export type { Inputs, ModelTask, Outputs } from "../shared/bundle.js";
export type { ErrorCode } from "../shared/errors.js";
export { PackagerError } from "../shared/errors.js";
export { enableOffline } from "./offline.js";

/** Loads the model of a bundle in a worker of its own. */
export async function load<T extends Task = ModelTask, I = Inputs, O = Outputs>(
  manifest: string | URL = "./manifest.json",
  _options: LoadOptions = {},
): Promise<Model<T, I, O>> {
  throw new PackagerError("worker-failed", `${WORKER_URL} cannot load ${manifest} yet`);
}
