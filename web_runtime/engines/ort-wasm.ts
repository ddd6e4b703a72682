// The engine of the target ort-wasm: ONNX Runtime Web on the CPU, with the glue that needs no `unsafe-eval`.

import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-web/wasm";
import type { EngineFiles, Session, SessionOptions } from "../src/shared/engine.js";
import type { Dtype, TensorType } from "../src/shared/manifest.gen.js";
import { arrayTypes, type Tensor, type Tensors } from "../src/shared/tensor.js";

/** An ONNX model of one node, y = Identity(x). */
const identity = "CAcSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==";

let starting: Promise<void> | null = null;

/** Compiles the module and starts its threads. Later calls wait for the first: a worker holds one module. */
export function prepare(files: EngineFiles, threads: number): Promise<void> {
  starting ??= start(files, threads);
  return starting;
}

async function start({ glue, module }: EngineFiles, threads: number): Promise<void> {
  env.logLevel = "error";
  Object.assign(env.wasm, { wasmBinary: module, wasmPaths: { mjs: glue }, numThreads: threads, proxy: false });
  // The library starts its module only when the first session is made; a small one lets it start beside the downloads.
  const model = Uint8Array.from(atob(identity), (character) => character.charCodeAt(0));
  const session = await InferenceSession.create(model, { executionProviders: ["wasm"] });
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

function fromOrt(results: InferenceSession.ReturnType, outputs: readonly TensorType[]): Tensors {
  return Object.fromEntries(
    outputs.map(({ name, dtype }): [string, Tensor] => {
      const { data, dims } = results[name] as OrtTensor;
      // A browser that has Float16Array gets one; here the bits count.
      const bits = data as Exclude<OrtTensor["data"], string[]>;
      const array = dtype === "float16" ? new Uint16Array(bits.buffer, bits.byteOffset, bits.length) : bits;
      if (!(array instanceof arrayTypes[dtype]))
        throw new TypeError(`The output "${name}" is not of the dtype ${dtype}.`);
      return [name, { data: array, dims }];
    }),
  );
}
