// A loaded model, in the page: every call goes to the worker.

import type { Manifest, Model, ModelInfo, RunOptions, RunTimes, Task, TaskInput, TaskOutput } from "../shared/api.js";
import type { Calls, Loaded, RunInput } from "../shared/protocol.js";
import type { Tensors } from "../shared/tensor.js";
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
    return (await this.#compute("infer", inputs as Tensors, options)) as O;
  }

  async sample(name: string): Promise<I> {
    return (await this.#client.call("sample", name)) as I;
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

function movable(params: RunInput): Transferable[] {
  return params instanceof ImageBitmap ? [params] : [...buffersOf(params)];
}
