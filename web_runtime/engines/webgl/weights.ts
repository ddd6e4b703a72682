// Weights as they travel, expanded to what the GPU computes with.

import { elements } from "../../src/shared/tensor.js";
import { refused, type Weight } from "./graph.js";
import { fromHalves } from "./half.js";

type Bytes = Uint8Array<ArrayBuffer>;

const widths = { float32: 4, int32: 4, bool: 1, float16: 2, int8: 1 };

/** The weight's numbers, in an array of their own. */
export function expand(weight: Weight, contents: ReadonlyMap<string, Bytes>): Float32Array | Int32Array | Uint8Array {
  const { name, dtype, shape, stored = dtype, values } = weight;
  const count = elements(shape);
  if (values) {
    if (values.length !== count) throw refused(`the weight "${name}" has ${values.length} values for ${count}`);
    return dtype === "float32"
      ? Float32Array.from(values)
      : dtype === "int32"
        ? Int32Array.from(values)
        : Uint8Array.from(values);
  }
  const content = contents.get(weight.location ?? "");
  if (!content) throw refused(`the weight "${name}" is at no location`);
  const take = (offset: number, size: number): ArrayBuffer => {
    if (!(offset >= 0 && offset + size <= content.length))
      throw refused(`the weight "${name}" reaches past its content`);
    return content.slice(offset, offset + size).buffer;
  };
  const bytes = take(weight.offset ?? 0, count * (widths[stored] ?? Number.NaN));
  if (stored === dtype)
    return dtype === "float32"
      ? new Float32Array(bytes)
      : dtype === "int32"
        ? new Int32Array(bytes)
        : new Uint8Array(bytes);
  if (dtype === "float32" && stored === "float16") return fromHalves(new Uint16Array(bytes));
  if (dtype === "float32" && stored === "int8") {
    return scaled(weight, new Int8Array(bytes), take);
  }
  throw refused(`the weight "${name}" is stored as ${stored}`);
}

/** Codes times the scale of their place along one dimension. */
function scaled(
  { shape, axis = shape.length - 1, scale = Number.NaN }: Weight,
  codes: Int8Array,
  take: (offset: number, size: number) => ArrayBuffer,
): Float32Array {
  const places = shape[axis] ?? 1;
  const inner = elements(shape.slice(axis + 1));
  const scales = new Float32Array(take(scale, 4 * places));
  return Float32Array.from(codes, (code, i) => code * (scales[Math.floor(i / inner) % places] as number));
}
