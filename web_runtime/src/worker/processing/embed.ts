// Model output to one vector a text.

import { PackagerError } from "../../shared/errors.js";
import type { EmbeddingPostprocess } from "../../shared/manifest.gen.js";
import type { Tensor } from "../../shared/tensor.js";
import { toNumbers } from "./numbers.js";

/**
 * One vector for each text. `output` is [texts, tokens, size], or [texts, size] where the pooling is none; `mask` is
 * [texts, tokens], not zero where a token counts, and null when all do. A text of which no token counts, and a vector of length
 * zero, stay zero.
 */
export function embed(output: Tensor, mask: Tensor | null, postprocess: EmbeddingPostprocess): Float32Array[] {
  const { pooling, normalize } = postprocess;
  const values = toNumbers(output, postprocess.output);
  const [texts, tokens, size] = shape(output, postprocess);
  if (pooling === "mean" && mask && (mask.dims.length !== 2 || mask.dims[0] !== texts || mask.dims[1] !== tokens)) {
    const message = `The mask is [${mask.dims.join(", ")}] for ${postprocess.output} of [${output.dims.join(", ")}].`;
    throw new PackagerError("engine-failed", message);
  }
  return Array.from({ length: texts }, (_, text) => {
    const rows = values.subarray(text * tokens * size, (text + 1) * tokens * size);
    const counts = (token: number) => !mask || Number(mask.data[text * tokens + token]) !== 0;
    const vector = pooling === "mean" ? mean(rows, size, counts) : rows.subarray(0, size);
    return Float32Array.from(normalize ? toUnit(vector) : vector);
  });
}

function shape(output: Tensor, { pooling, output: name }: EmbeddingPostprocess): [number, number, number] {
  const { dims } = output;
  const rank = pooling === "none" ? 2 : 3;
  if (dims.length !== rank || (rank === 3 && dims[1] === 0)) {
    const message = `Pooling ${pooling} takes an output of rank ${rank}, and ${name} is [${dims.join(", ")}].`;
    throw new PackagerError("engine-failed", message);
  }
  const [texts, tokens, size] = rank === 2 ? [dims[0], 1, dims[1]] : dims;
  return [texts as number, tokens as number, size as number];
}

function mean(rows: Float64Array, size: number, counts: (token: number) => boolean): Float64Array {
  const sums = new Float64Array(size);
  let tokens = 0;
  for (let token = 0; token * size < rows.length; token++) {
    if (!counts(token)) continue;
    tokens++;
    for (let i = 0; i < size; i++) sums[i] = (sums[i] as number) + (rows[token * size + i] as number);
  }
  return sums.map((sum) => sum / Math.max(tokens, 1));
}

function toUnit(vector: Float64Array): Float64Array {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return norm === 0 ? vector : vector.map((value) => value / norm);
}
