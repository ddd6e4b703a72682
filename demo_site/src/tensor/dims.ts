// Symbolic dims: one value a name, whatever the number of inputs that use it. Pure functions.

import type { Dim, Manifest, TensorType } from "../../../web_runtime/src/shared/manifest.gen.js";
import { Complaint } from "../complaint.js";
import { shape } from "../format.js";
import type { NpyArray } from "../npy.js";

export type Sizes = Map<string, number>;

/** The names of the symbolic dims of the inputs, in order, with the size in the first sample that has it, else 1. */
export function symbols(manifest: Manifest): Sizes {
  const sizes: Sizes = new Map();
  const sample = manifest.samples.find((entry) => entry.kind === "tensors");
  for (const input of manifest.signature.inputs) {
    const dims = sample?.tensors.find((tensor) => tensor.name === input.name)?.dims;
    input.shape.forEach((dim, i) => {
      if (typeof dim === "string" && !sizes.has(dim)) sizes.set(dim, dims?.[i] ?? 1);
    });
  }
  return sizes;
}

/** The dims of an input with these sizes. */
export function resolve(dims: readonly Dim[], sizes: Sizes): number[] {
  return dims.map((dim) => (typeof dim === "number" ? dim : (sizes.get(dim) ?? 1)));
}

/** Holds dims to a signature and gives the sizes of its symbolic dims. Throws Complaint. */
export function match(input: TensorType, dims: readonly number[]): Sizes {
  const sizes: Sizes = new Map();
  const fits =
    dims.length === input.shape.length &&
    input.shape.every((dim, i) => {
      const size = dims[i] ?? 0;
      if (typeof dim === "number") return dim === size;
      const same = (sizes.get(dim) ?? size) === size;
      sizes.set(dim, size);
      return same;
    });
  if (!fits) throw new Complaint(`The shape is ${shape(dims)}, but ${input.name} takes ${shape(input.shape)}.`);
  return sizes;
}

/** Holds a .npy file to a signature. Throws Complaint. */
export function matchNpy(input: TensorType, array: NpyArray): Sizes {
  if (array.dtype !== input.dtype) {
    const name = input.dtype === "bool" ? "bool_" : input.dtype;
    throw new Complaint(
      `The file holds ${array.dtype}, but ${input.name} takes ${input.dtype}. Save array.astype(numpy.${name}).`,
    );
  }
  return match(input, array.dims);
}

/** Merges the sizes that the inputs ask for. Throws Complaint where two differ. */
export function agree(asked: readonly { input: string; sizes: Sizes }[]): Sizes {
  const all = new Map<string, { input: string; size: number }>();
  for (const { input, sizes } of asked) {
    for (const [name, size] of sizes) {
      const first = all.get(name);
      if (first && first.size !== size) {
        throw new Complaint(`${name} is ${first.size} in ${first.input} but ${size} in ${input}. Give both the same.`);
      }
      if (!first) all.set(name, { input, size });
    }
  }
  return new Map([...all].map(([name, { size }]) => [name, size]));
}
