// What the form needs to know of each dtype: its array, its NumPy name, its range, and how one element reads as a number.

import type { Dtype, Tensor } from "../../../web_runtime/src/shared/api.js";

export type Raw = number | bigint;
export type Data = Tensor["data"];

interface Kind {
  array: new (source: number | ArrayBuffer) => Data;
  /** NumPy's type string without the byte order. */
  npy: string;
  bytes: number;
  integer: boolean;
}

export const kinds: Record<Dtype, Kind> = {
  float32: { array: Float32Array, npy: "f4", bytes: 4, integer: false },
  float64: { array: Float64Array, npy: "f8", bytes: 8, integer: false },
  float16: { array: Uint16Array, npy: "f2", bytes: 2, integer: false },
  int64: { array: BigInt64Array, npy: "i8", bytes: 8, integer: true },
  int32: { array: Int32Array, npy: "i4", bytes: 4, integer: true },
  int16: { array: Int16Array, npy: "i2", bytes: 2, integer: true },
  int8: { array: Int8Array, npy: "i1", bytes: 1, integer: true },
  uint64: { array: BigUint64Array, npy: "u8", bytes: 8, integer: true },
  uint32: { array: Uint32Array, npy: "u4", bytes: 4, integer: true },
  uint16: { array: Uint16Array, npy: "u2", bytes: 2, integer: true },
  uint8: { array: Uint8Array, npy: "u1", bytes: 1, integer: true },
  bool: { array: Uint8Array, npy: "b1", bytes: 1, integer: true },
};

/** The lowest and the highest value that an integer dtype holds. */
export function range(dtype: Dtype): [bigint, bigint] {
  if (dtype === "bool") return [0n, 1n];
  const bits = BigInt(kinds[dtype].bytes * 8);
  return dtype.startsWith("u") ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n];
}

/** Element `index` as it reads: half precision decoded, 64-bit integers as BigInt. */
export function at(dtype: Dtype, data: Data, index: number): Raw {
  const raw = data[index] ?? 0;
  return dtype === "float16" ? fromHalf(raw as number) : raw;
}

/** Writes a value that fits the dtype. */
export function put(dtype: Dtype, data: Data, index: number, value: Raw): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[index] = BigInt(value);
  else data[index] = dtype === "float16" ? toHalf(Number(value)) : Number(value);
}

/** The number that a half-precision bit pattern means. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The half-precision bit pattern nearest to a number, ties to even. */
export function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(size)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | toEven(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  const power = 2 ** exponent > size ? exponent - 1 : 2 ** (exponent + 1) <= size ? exponent + 1 : exponent;
  // A fraction that rounds up to 1024 carries into the exponent by itself.
  return sign | (((power + 15) << 10) + toEven((size / 2 ** power - 1) * 1024));
}

function toEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
