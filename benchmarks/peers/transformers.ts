// Transformers.js: the pipeline `feature-extraction` over local files, its model fed with the same tokens as all others.

import { env, pipeline, Tensor } from "@huggingface/transformers";
import type { Prepare, Tensors } from "./contract.js";
import { required } from "./contract.js";
import { enter } from "./page.js";

type DataType = "fp32" | "q8" | "int8";

const prepare: Prepare = async ({ model, threads, outputs, options }) => {
  const folder = new URL(model, location.href);
  Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, localModelPath: new URL("./", folder).href });
  const wasm = required(env.backends.onnx.wasm, "env.backends.onnx.wasm");
  const file = (suffix: string) => new URL(`./wasm/ort-wasm-simd-threaded.asyncify.${suffix}`, location.href).href;
  Object.assign(wasm, { numThreads: threads, wasmPaths: { mjs: file("mjs"), wasm: file("wasm") } });
  const id = required(folder.pathname.split("/").at(-1), "the model's name");
  const extractor = await pipeline("feature-extraction", id, {
    dtype: required(options.dtype, "the dtype") as DataType,
    device: "wasm",
  });
  return {
    info: { version: env.version, dtype: options.dtype ?? "", threads: wasm.numThreads ?? 1 },
    infer: async (inputs) => {
      const feeds = Object.entries(inputs).map(([name, { data, dims }]) => [
        name,
        new Tensor("int64", data as BigInt64Array, [...dims]),
      ]);
      const results = (await extractor.model(Object.fromEntries(feeds))) as Record<string, Tensor>;
      return pick(results, outputs);
    },
  };
};

function pick(results: Record<string, Tensor>, names: string[]): Tensors {
  return Object.fromEntries(
    names.map((name) => {
      const { data, dims } = required(results[name], name);
      return [name, { data: data as Float32Array, dims }];
    }),
  );
}

enter(prepare);
