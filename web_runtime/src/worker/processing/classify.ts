// Scores to the best classes.

import type { Classification } from "../../shared/api.js";
import { PackagerError } from "../../shared/errors.js";
import type { ClassificationPostprocess } from "../../shared/manifest.gen.js";
import type { Tensor } from "../../shared/tensor.js";
import { toNumbers } from "./numbers.js";

/**
 * The `top_k` best classes of one picture, best first; of equals the lower index comes first. Classes are ranked by the output
 * itself, which the activations do not reorder.
 */
export function classify(
  output: Tensor,
  postprocess: ClassificationPostprocess,
  labels: readonly string[] | null,
): Classification[] {
  const values = toNumbers(output, postprocess.output);
  if (values.length === 0 || output.dims.filter((dim) => dim !== 1).length > 1) {
    const message = `The output ${postprocess.output} of dims [${output.dims.join(", ")}] is not the classes of one picture.`;
    throw new PackagerError("engine-failed", message);
  }
  if (labels && labels.length !== values.length) {
    const message = `The bundle has ${labels.length} labels for the ${values.length} classes of ${postprocess.output}.`;
    throw new PackagerError("manifest-invalid", message);
  }
  const scores = activate(values, postprocess.activation);
  return rank(values)
    .slice(0, postprocess.top_k)
    .map((index) => ({ index, label: labels?.[index] ?? String(index), score: scores[index] as number }));
}

/** Indices from the largest value to the smallest, equals in their order, NaN last. */
function rank(values: Float64Array): number[] {
  const value = (index: number) => values[index] as number;
  return Array.from(values.keys()).sort((a, b) => {
    if (Number.isNaN(value(a)) || Number.isNaN(value(b)))
      return Number(Number.isNaN(value(a))) - Number(Number.isNaN(value(b)));
    return value(a) === value(b) ? 0 : value(b) > value(a) ? 1 : -1;
  });
}

function activate(values: Float64Array, activation: ClassificationPostprocess["activation"]): Float64Array {
  if (activation === "softmax") {
    const largest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    const powers = values.map((value) => Math.exp(value - largest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => power / total);
  }
  if (activation === "sigmoid") {
    return values.map((value) => {
      const power = Math.exp(-Math.abs(value)); // never of a positive number, so it cannot overflow
      return (value >= 0 ? 1 : power) / (1 + power);
    });
  }
  return values;
}
