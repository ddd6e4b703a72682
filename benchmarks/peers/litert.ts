// LiteRT.js on the CPU (XNNPACK): the module with relaxed SIMD, and its threaded build where threads are asked for.

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";
import type { Prepare } from "./contract.js";
import { required } from "./contract.js";
import { enter } from "./page.js";

const prepare: Prepare = async ({ model, threads, outputs }) => {
  const runtime = await loadLiteRt(new URL("./wasm/", location.href).href, { threads: threads > 1 });
  performance.mark("engine");
  const compiled = await loadAndCompile(model, { accelerator: "wasm", cpuOptions: { numThreads: threads } });
  return {
    info: {
      threads: threads > 1 ? runtime.liteRtWasm.getThreadCount() : 1,
      accelerated: compiled.isFullyAccelerated,
    },
    infer: async (inputs) => {
      const feeds = Object.values(inputs).map(
        ({ data, dims }) => new Tensor(data as Float32Array | Int32Array, [...dims]),
      );
      const results = await compiled.run(feeds);
      const answer = results.map((tensor, index) => {
        const entry = { data: tensor.toTypedArray().slice() as Float32Array, dims: [...tensor.type.layout.dimensions] };
        return [required(outputs[index], "an output"), entry] as const;
      });
      for (const tensor of [...feeds, ...results]) tensor.delete();
      return Object.fromEntries(answer);
    },
  };
};

enter(prepare);
