// Floating-point outputs of any width, as the numbers that post-processing computes with.

import { PackagerError } from "../../shared/errors.js";
import type { Tensor } from "../../shared/tensor.js";

/** The values in double precision. 16-bit words are IEEE 754 half precision: an output that is post-processed has no other. */
export function toNumbers({ data, dims }: Tensor, output: string): Float64Array {
  if (data instanceof Float32Array || data instanceof Float64Array) return Float64Array.from(data);
  if (data instanceof Uint16Array) return Float64Array.from(data, halfToNumber);
  const message = `The output ${output} of dims [${dims.join(", ")}] holds integers, and is post-processed only as floating-point.`;
  throw new PackagerError("engine-failed", message);
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
