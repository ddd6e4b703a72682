// Checks tensors from the page against the model's signature before the engine sees them.

import { PackagerError } from "../shared/errors.js";
import type { Signature, TensorType } from "../shared/manifest.gen.js";
import { arrayTypes, elements, type Tensor, type Tensors } from "../shared/tensor.js";

/** Dims with a name such as `batch` mean the same size wherever they occur; `floor(n/2) + 1` is not such a name. */
const identifier = /^[A-Za-z_]\w*$/;

interface Size {
  size: number;
  input: string;
}

/**
 * Throws where the inputs do not fit: names, dtypes, dims, and as many elements as the dims say.
 *
 * @throws {PackagerError} input-invalid, with a sentence that names the input and what is expected.
 */
export function checkInputs(inputs: unknown, { inputs: types }: Signature): asserts inputs is Tensors {
  if (typeof inputs !== "object" || inputs === null)
    throw invalid(`The inputs must be an object of tensors: ${listed(types)}.`);
  for (const name of Object.keys(inputs)) {
    if (!types.some((type) => type.name === name))
      throw invalid(`The model has no input "${name}". It takes ${listed(types)}.`);
  }
  const symbols = new Map<string, Size>();
  for (const type of types) {
    const tensor = (inputs as Partial<Record<string, unknown>>)[type.name];
    if (tensor === undefined) throw invalid(`Input "${type.name}" is missing. The model takes ${listed(types)}.`);
    checkTensor(tensor, type, symbols);
  }
}

function checkTensor(tensor: unknown, type: TensorType, symbols: Map<string, Size>): asserts tensor is Tensor {
  const { name, dtype } = type;
  const { data, dims } = (tensor ?? {}) as Partial<Record<string, unknown>>;
  const wanted = arrayTypes[dtype];
  if (!(data instanceof wanted)) {
    throw invalid(
      `The data of input "${name}" must be a ${wanted.name}, for its dtype ${dtype}, but is ${kindOf(data)}.`,
    );
  }
  if (!Array.isArray(dims) || !dims.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw invalid(`The dims of input "${name}" must be an array of whole numbers that fits ${shown(type)}.`);
  }
  checkDims(dims, type, symbols);
  if (data.length !== elements(dims)) {
    const moved = data.length === 0 ? " Data that was given with { transfer: true } is empty afterwards." : "";
    throw invalid(
      `Input "${name}" has ${data.length} elements, but its dims [${dims.join(", ")}] ask for ${elements(dims)}.${moved}`,
    );
  }
}

function checkDims(dims: number[], type: TensorType, symbols: Map<string, Size>): void {
  const { name, shape } = type;
  const given = `but has the dims [${dims.join(", ")}]`;
  if (dims.length !== shape.length) throw invalid(`Input "${name}" must have the shape ${shown(type)}, ${given}.`);
  for (const [axis, dim] of shape.entries()) {
    const size = dims[axis] as number;
    if (typeof dim === "number") {
      if (size !== dim) throw invalid(`Input "${name}" must have the shape ${shown(type)}, ${given}.`);
    } else if (identifier.test(dim)) {
      const first = symbols.get(dim) ?? { size, input: name };
      if (first.size !== size) {
        throw invalid(
          `"${dim}" must be one size: it is ${first.size} in input "${first.input}", but ${size} in input "${name}".`,
        );
      }
      symbols.set(dim, first);
    }
  }
}

const invalid = (message: string) => new PackagerError("input-invalid", message);

const shown = ({ shape }: TensorType) => `[${shape.join(", ")}]`;

const listed = (types: TensorType[]) =>
  types.map((type) => `"${type.name}" (${type.dtype} ${shown(type)})`).join(", ") || "no inputs";

function kindOf(value: unknown): string {
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "object"}`;
  return value === undefined ? "missing" : `a ${typeof value}`;
}
