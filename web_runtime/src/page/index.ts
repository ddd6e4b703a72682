// The public surface of the runtime: what packager.js exports, and nothing else.

import type { LoadOptions, Model, Task } from "../shared/api.js";
import type { Inputs, ModelTask, Outputs } from "../shared/bundle.js";
import { Client } from "./client.js";
import { LoadedModel } from "./model.js";
import { staying } from "./offline.js";

export type {
  Classification,
  Device,
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
export type { OfflineOptions, OfflineState } from "./offline.js";
export { enableOffline } from "./offline.js";

/**
 * Loads the model of a bundle in a worker of its own.
 *
 * @param manifest URL of the bundle's manifest.json, relative to the page.
 * @throws {PackagerError} with a `code` that says what went wrong; see `ErrorCode`.
 */
export async function load<T extends Task = ModelTask, I = Inputs, O = Outputs>(
  manifest: string | URL = "./manifest.json",
  options: LoadOptions = {},
): Promise<Model<T, I, O>> {
  const url = new URL(manifest, document.baseURI).href;
  const first = new Client();
  try {
    return await loadIn<T, I, O>(first, url, options);
  } catch (error) {
    if (!(await first.refresh())) throw error;
    return loadIn<T, I, O>(new Client(), url, options);
  }
}

async function loadIn<T extends Task, I, O>(
  client: Client,
  url: string,
  options: LoadOptions,
): Promise<Model<T, I, O>> {
  try {
    const loaded = await client.load(url, options);
    await staying();
    return new LoadedModel<T, I, O>(client, loaded);
  } catch (error) {
    client.terminate();
    throw error;
  }
}
