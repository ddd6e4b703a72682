// Tensors of the signature to those of TensorFlow.js, which knows float32, int32 and bool, and back.

import { type Tensor as Held, tensor } from "@tensorflow/tfjs-core";
import { PackagerError } from "../../src/shared/errors.js";
import type { Dtype } from "../../src/shared/manifest.gen.js";
import { arrayTypes, type Tensor } from "../../src/shared/tensor.js";
import { fromHalves, toHalves } from "./half.js";

/** WebGL holds integers in floats: they are exact up to here. */
const largest = 2 ** 24;

export function upload(name: string, dtype: Dtype, { data, dims }: Tensor): Held {
  const shape = [...dims];
  if (dtype === "bool") return tensor(data as Uint8Array, shape, "bool");
  if (dtype === "float16") return tensor(fromHalves(data as Uint16Array), shape, "float32");
  if (dtype === "float32" || dtype === "float64")
    return tensor(Float32Array.from(data as Float32Array), shape, "float32");
  const numbers = new Int32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const number = Number(data[i]);
    if (!(Math.abs(number) <= largest)) {
      const range = `The GPU holds integers between -${largest} and ${largest}.`;
      throw new PackagerError("input-invalid", `The input "${name}" has the value ${data[i]}. ${range}`);
    }
    numbers[i] = number;
  }
  return tensor(numbers, shape, "int32");
}

export function download(dtype: Dtype, dims: readonly number[], data: Float32Array | Int32Array | Uint8Array): Tensor {
  if (dtype === "float16") return { data: toHalves(data), dims };
  const type = arrayTypes[dtype];
  // The page takes what it gets, and a weight or an input that is an output as it is belongs to the library.
  if (data instanceof type) return { data: data.slice(), dims } as Tensor;
  if (dtype === "int64") return { data: BigInt64Array.from(data, BigInt), dims };
  if (dtype === "uint64") return { data: BigUint64Array.from(data, BigInt), dims };
  return { data: (type as Float32ArrayConstructor).from(data), dims } as Tensor;
}
