// A loaded model, in the page: every call goes to the worker.

import type { Manifest, Model, ModelInfo, RunOptions, RunTimes, Task, TaskInput, TaskOutput } from "../shared/api.js";
import type { Calls, Loaded } from "../shared/protocol.js";
import type { Tensors } from "../shared/tensor.js";
import type { Client } from "./client.js";
import { toRunInput, transferables } from "./input.js";

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
    };
  }

  get info(): ModelInfo {
    return this.#info;
  }

  get lastRun(): RunTimes | null {
    return this.#lastRun;
  }

  async run(input: TaskInput[T], options: RunOptions = {}): Promise<TaskOutput[T]> {
    const { params, owned } = await toRunInput(this.manifest.task.kind, input);
    return (await this.#compute("run", params, options, owned)) as TaskOutput[T];
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
    const moved = transfer ? transferables(params) : owned;
    const { output, times } = await this.#client.call(call, params, { signal, transfer: moved });
    this.#lastRun = times;
    return output;
  }
}
