// The worker's end of protocol.ts: takes calls and answers each of them once.

import { PackagerError, toErrorData } from "../shared/errors.js";
import type { Call, Calls, ToPage, ToWorker } from "../shared/protocol.js";
import { buffersOf } from "../shared/transfer.js";
import { scriptPolicy } from "../shared/trusted.js";
import type { WorkerModel } from "./model.js";
import { load } from "./pipeline.js";

interface Context {
  id: number;
  control: AbortController;
}

type Handlers = {
  [C in Call]: (params: Calls[C]["params"], context: Context) => Promise<Calls[C]["result"]>;
};

// Engines, some of them others' work, start their threads by plain addresses.
scriptPolicy("default");

let model: WorkerModel | null = null;
/** Calls that are not answered yet. */
const open = new Map<number, AbortController>();

const handlers: Handlers = {
  load: async (params, { id, control }) => {
    model = await load(params, control, {
      onProgress: (progress) => post({ type: "progress", id, progress }),
      onInfo: (info) => post({ type: "info", info }),
    });
    return { info: model.info, manifest: model.manifest };
  },
  run: (input, { control }) => loaded().run(input, control.signal),
  infer: (inputs, { control }) => loaded().infer(inputs, control.signal),
  sample: (name, { control }) => loaded().sample(name, control.signal),
  dispose: async () => {
    await model?.dispose();
    model = null;
    return null;
  },
};

function loaded(): WorkerModel {
  if (!model) throw new PackagerError("internal", "The worker was asked to run a model that it has not loaded.");
  return model;
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "abort") open.get(data.id)?.abort();
  else void answer(data.id, data.call, data.params);
};

async function answer<C extends Call>(id: number, call: C, params: Calls[C]["params"]): Promise<void> {
  const control = new AbortController();
  open.set(id, control);
  try {
    const handle = handlers[call] as (params: Calls[C]["params"], context: Context) => Promise<Calls[C]["result"]>;
    const result = await handle(params, { id, control });
    post({ type: "result", id, call, result } as ToPage, [...buffersOf(result)]);
  } catch (error) {
    post({ type: "error", id, error: toErrorData(error) });
  } finally {
    open.delete(id);
  }
}

function post(message: ToPage, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}
