// A loaded model, in the page: every call goes to the worker.

import type { Manifest, Model, ModelInfo, RunOptions, RunTimes, Task, TaskInput, TaskOutput } from "../shared/api.js";
import type { Calls, Loaded, RunInput } from "../shared/protocol.js";
import type { Tensor, Tensors } from "../shared/tensor.js";
import { buffersOf } from "../shared/transfer.js";
import type { Client } from "./client.js";
import { modelChanged } from "./offline.js";
import { toPicture } from "./picture.js";

export class LoadedModel<T extends Task, I, O> implements Model<T, I, O> {
  readonly manifest: Manifest;
  readonly #client: Client;
  #info: ModelInfo;
  #lastRun: RunTimes | null = null;

  constructor(client: Client, { info, manifest }: Loaded) {
    this.#client = client;
    this.#info = info;
    this.manifest = manifest;
    client.onInfo = (news) => {
      this.#info = news;
      modelChanged(news);
    };
  }

  get info(): ModelInfo {
    return this.#info;
  }

  get lastRun(): RunTimes | null {
    return this.#lastRun;
  }

  async run(input: TaskInput[T], options: RunOptions = {}): Promise<TaskOutput[T]> {
    if (this.manifest.task.kind !== "image-classification") {
      return (await this.#compute("run", input as RunInput, options)) as TaskOutput[T];
    }
    const { picture, transfer } = await toPicture(input as TaskInput["image-classification"]);
    return (await this.#compute("run", picture, options, transfer)) as TaskOutput[T];
  }

  async infer(inputs: I, options: RunOptions = {}): Promise<O> {
    // One copy of our own that moves is faster than the browser's, which writes out and reads in.
    const given = options.transfer ? (inputs as Tensors) : copied(inputs as Tensors);
    return (await this.#compute("infer", given, { ...options, transfer: true })) as O;
  }

  async sample(name: string): Promise<I> {
    return (await this.#client.call("sample", name)) as I;
  }

  async persist(): Promise<boolean> {
    // Workers may not ask.
    return (await navigator.storage?.persist?.().catch(() => false)) ?? false;
  }

  dispose(): Promise<void> {
    return this.#client.dispose();
  }

  async #compute<C extends "run" | "infer">(
    call: C,
    params: Calls[C]["params"],
    { signal, transfer }: RunOptions,
    owned: Transferable[] = [],
  ): Promise<Calls[C]["result"]["output"]> {
    const moved = transfer ? movable(params) : owned;
    const { output, times } = await this.#client.call(call, params, { signal, transfer: moved });
    this.#lastRun = times;
    return output;
  }
}

/** Tensors with data of their own; what is none stays as it is, and is refused where tensors are checked. */
function copied(inputs: Tensors): Tensors {
  if (typeof inputs !== "object" || inputs === null) return inputs;
  const own = (tensor: Tensor) =>
    ArrayBuffer.isView(tensor?.data) && "slice" in tensor.data ? { ...tensor, data: tensor.data.slice() } : tensor;
  return Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, own(tensor)]));
}

function movable(params: RunInput): Transferable[] {
  return params instanceof ImageBitmap ? [params] : [...buffersOf(params)];
}
