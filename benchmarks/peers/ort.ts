// ONNX Runtime Web used directly, whatever its build: the module, its glue and the model as files beside the page.

import type { Env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";
import type { Prepare, Tensor, Tensors } from "./contract.js";

interface Ort {
  env: Env;
  InferenceSession: typeof InferenceSession;
  Tensor: typeof OrtTensor;
}

/** Graph optimisation stands at "all" by default; one call per page makes the session. */
export function prepareOrt(ort: Ort, wasmPaths: string): Prepare {
  return async ({ threads, model, outputs }) => {
    ort.env.logLevel = "error";
    Object.assign(ort.env.wasm, { numThreads: threads, wasmPaths: new URL(wasmPaths, location.href).href });
    const session = await ort.InferenceSession.create(model, {
      executionProviders: ["wasm"],
      graphOptimizationLevel: "all",
    });
    return {
      info: { version: ort.env.versions.web ?? "", threads: ort.env.wasm.numThreads ?? 1 },
      infer: async (inputs) => toTensors(await session.run(toFeeds(ort, inputs)), outputs),
    };
  };
}

function toFeeds(ort: Ort, inputs: Tensors): Record<string, OrtTensor> {
  const feed = ({ data, dims }: Tensor) =>
    data instanceof BigInt64Array
      ? new ort.Tensor("int64", data, dims)
      : new ort.Tensor("float32", data as Float32Array, dims);
  return Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, feed(tensor)]));
}

function toTensors(results: InferenceSession.ReturnType, names: string[]): Tensors {
  return Object.fromEntries(
    names.map((name) => {
      const { data, dims } = results[name] as OrtTensor;
      return [name, { data: data as Float32Array, dims }];
    }),
  );
}
