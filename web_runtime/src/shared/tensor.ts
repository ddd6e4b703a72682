// Tensors as they cross every border of the runtime: a typed array and its dims, row-major.

import type { Dtype } from "./manifest.gen.js";

export interface DtypeArrays {
  float32: Float32Array;
  float64: Float64Array;
  /** Bit patterns of IEEE 754 half precision. */
  float16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  int16: Int16Array;
  int8: Int8Array;
  uint64: BigUint64Array;
  uint32: Uint32Array;
  uint16: Uint16Array;
  uint8: Uint8Array;
  /** 0 or 1. */
  bool: Uint8Array;
}

export type TensorData = DtypeArrays[Dtype];

export interface Tensor<D extends Dtype = Dtype> {
  data: DtypeArrays[D];
  dims: readonly number[];
}

export type Tensors = Record<string, Tensor>;

export const arrayTypes = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const satisfies { [D in Dtype]: new (buffer: ArrayBuffer, offset?: number, length?: number) => DtypeArrays[D] };

/** Number of elements of a tensor with these dims. */
export function elements(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}
