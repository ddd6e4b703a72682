// The bundle's own sample inputs.

import { PackagerError } from "../shared/errors.js";
import type { Dtype, Manifest, SampleTensor, TensorType } from "../shared/manifest.gen.js";
import { arrayTypes, type Tensor, type Tensors } from "../shared/tensor.js";
import type { Read } from "./task.js";

/**
 * The tensors of a sample of kind `tensors`.
 *
 * @throws {PackagerError} input-invalid where there is no such sample, or what reading it throws.
 */
export async function readSample(name: string, { samples, signature }: Manifest, read: Read): Promise<Tensors> {
  const named = samples.flatMap((sample) => (sample.kind === "tensors" ? [sample] : []));
  const sample = named.find((entry) => entry.name === name);
  if (!sample) {
    const known = named.map((entry) => `"${entry.name}"`).join(", ") || "none";
    throw new PackagerError("input-invalid", `The bundle has no sample of tensors named "${name}". It has: ${known}.`);
  }
  return readTensors(sample.tensors, signature.inputs, read);
}

/** Tensors of the bundle, in the order of their types, as a manifest that was checked has them. */
export async function readTensors(tensors: SampleTensor[], types: TensorType[], read: Read): Promise<Tensors> {
  const entries = tensors.map(async ({ name, dims, content }, index): Promise<[string, Tensor]> => {
    const { dtype } = types[index] as TensorType;
    return [name, { data: view(await read(content), dtype), dims }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** The bytes as elements, copied: tensors move to the page, while the bytes may still wait to be stored. */
function view(bytes: Uint8Array<ArrayBuffer>, dtype: Dtype): Tensor["data"] {
  const { buffer, byteLength } = bytes.slice();
  const type = arrayTypes[dtype];
  return new type(buffer, 0, Math.floor(byteLength / type.BYTES_PER_ELEMENT));
}
