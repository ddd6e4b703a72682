// TensorFlow.js: a graph model on the backend that the page has chosen.

import { loadGraphModel } from "@tensorflow/tfjs-converter";
import * as tf from "@tensorflow/tfjs-core";
import type { Config, Prepared, Tensors } from "./contract.js";
import { required } from "./contract.js";

/** Loads the model onto the current backend. The names in the file are those that the options give, in order. */
export async function prepareGraphModel(
  { model, outputs, options }: Config,
  info: Prepared["info"],
): Promise<Prepared> {
  performance.mark("engine");
  const graph = await loadGraphModel(model);
  const places = required(options.inputs, "the names of the inputs").split(",");
  const results = required(options.outputs, "the names of the outputs").split(",");
  return {
    info: { version: tf.version_core, backend: tf.getBackend(), ...info },
    infer: async (inputs) => {
      const feeds = Object.values(inputs).map(({ data, dims }, index) => [
        required(places[index], "an input"),
        tf.tensor(data as Float32Array | Int32Array, [...dims], data instanceof Int32Array ? "int32" : "float32"),
      ]);
      const given = Object.fromEntries(feeds) as tf.NamedTensorMap;
      const computed = graph.execute(given, results) as tf.Tensor | tf.Tensor[];
      const list = Array.isArray(computed) ? computed : [computed];
      const read = await Promise.all(list.map((tensor) => tensor.data()));
      const answer: Tensors = {};
      for (const [index, tensor] of list.entries())
        answer[required(outputs[index], "an output")] = { data: read[index] as Float32Array, dims: tensor.shape };
      tf.dispose([given, list]);
      return answer;
    },
  };
}
