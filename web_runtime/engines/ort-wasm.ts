// The engine of the target ort-wasm: ONNX Runtime Web on the CPU, with the glue that needs no `unsafe-eval`.

import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-web/wasm";
import type { EngineFiles, Session, SessionOptions } from "../src/shared/engine.js";
import type { Dtype } from "../src/shared/manifest.gen.js";
import type { Tensor } from "../src/shared/tensor.js";
import { fromOrt, tinyModel } from "./ort-tensors.js";

let starting: Promise<void> | null = null;

/** Compiles the module and starts its threads. Later calls wait for the first: a worker holds one module. */
export function prepare(files: EngineFiles, threads: number): Promise<void> {
  starting ??= start(files, threads);
  return starting;
}

async function start({ glue, module }: EngineFiles, threads: number): Promise<void> {
  env.logLevel = "error";
  Object.assign(env.wasm, { wasmBinary: module, wasmPaths: { mjs: glue }, numThreads: threads, proxy: false });
  const session = await InferenceSession.create(tinyModel(), { executionProviders: ["wasm"] });
  await session.release();
  delete env.wasm.wasmBinary;
}

export async function createSession({ files, graph, weights, signature, threads }: SessionOptions): Promise<Session> {
  await prepare(files, threads);
  const externalData = Array.from(weights, ([path, data]) => ({ path, data }));
  const session = await InferenceSession.create(graph, { executionProviders: ["wasm"], externalData });
  // They are in the module's own memory now.
  weights.clear();
  return {
    threads: env.wasm.numThreads ?? 1,
    infer: async (inputs) => {
      const feeds = signature.inputs.map(({ name, dtype }) => [name, toOrt(inputs[name] as Tensor, dtype)] as const);
      return fromOrt(await session.run(Object.fromEntries(feeds)), signature.outputs);
    },
    dispose: () => session.release(),
  };
}

function toOrt({ data, dims }: Tensor, dtype: Dtype): OrtTensor {
  return new OrtTensor(dtype, data, dims);
}
