// What the engines made of ONNX Runtime Web share.

import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-web";
import type { TensorType } from "../src/shared/manifest.gen.js";
import { arrayTypes, type Tensor, type Tensors } from "../src/shared/tensor.js";

/** The library starts its module only when the first session is made: of this model of one node, y = Identity(x), it starts early. */
export function tinyModel(): Uint8Array {
  const identity = "CAcSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==";
  return Uint8Array.from(atob(identity), (character) => character.charCodeAt(0));
}

/** Outputs of a run, in the processor's memory, as the page takes them. */
export function fromOrt(results: InferenceSession.ReturnType, outputs: readonly TensorType[]): Tensors {
  return Object.fromEntries(
    outputs.map(({ name, dtype }): [string, Tensor] => {
      const { data, dims } = results[name] as OrtTensor;
      // A browser that has Float16Array gets one; here the bits count.
      const bits = data as Exclude<OrtTensor["data"], string[]>;
      const array = dtype === "float16" ? new Uint16Array(bits.buffer, bits.byteOffset, bits.length) : bits;
      if (!(array instanceof arrayTypes[dtype]))
        throw new TypeError(`The output "${name}" is not of the dtype ${dtype}.`);
      return [name, { data: array, dims }];
    }),
  );
}
