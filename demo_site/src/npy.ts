// NumPy's .npy format, versions 1 to 3: a magic string, a header in Python's literal syntax, the elements.

import type { Dtype, Tensor } from "../../web_runtime/src/shared/api.js";
import { Complaint } from "./complaint.js";
import { kinds } from "./tensor/dtype.js";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

export interface NpyArray extends Tensor {
  dtype: Dtype;
}

/** Reads a .npy file; elements are copied. Throws Complaint. */
export function readNpy(file: ArrayBuffer): NpyArray {
  const bytes = new Uint8Array(file);
  if (file.byteLength < 10 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new Complaint("This is not a .npy file. Write one with numpy.save.");
  }
  const view = new DataView(file);
  const long = (bytes[6] ?? 0) >= 2;
  const start = long ? 12 : 10;
  if (file.byteLength < start) throw new Complaint("The .npy file ends inside its header. Save it again.");
  const size = long ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder().decode(bytes.subarray(start, start + size));
  const { dtype, dims } = parseHeader(header);
  const { array, bytes: width } = kinds[dtype];
  const length = dims.reduce((product, dim) => product * dim, 1) * width;
  const there = file.byteLength - start - size;
  if (there < length) {
    throw new Complaint(
      `The .npy file is cut short: ${Math.max(0, there)} of ${length} bytes of elements. Save it again.`,
    );
  }
  return { dtype, dims, data: new array(file.slice(start + size, start + size + length)) };
}

/** Writes a .npy file, version 1, little-endian, row-major. */
export function writeNpy(dtype: Dtype, tensor: Tensor): Uint8Array<ArrayBuffer> {
  const { npy, bytes: width } = kinds[dtype];
  const dims = tensor.dims.length === 1 ? `${tensor.dims[0]},` : tensor.dims.join(", ");
  const fields = `{'descr': '${width === 1 ? "|" : "<"}${npy}', 'fortran_order': False, 'shape': (${dims}), }`;
  // NumPy aligns the elements to 64 bytes by spaces before the newline that ends the header.
  const size = Math.ceil((10 + fields.length + 1) / 64) * 64 - 10;
  const header = `${fields.padEnd(size - 1)}\n`;
  const file = new Uint8Array(10 + size + tensor.data.byteLength);
  file.set([...magic, 1, 0, size & 0xff, size >> 8]);
  file.set(new TextEncoder().encode(header), 10);
  file.set(new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength), 10 + size);
  return file;
}

function parseHeader(header: string): { dtype: Dtype; dims: number[] } {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(header)?.[1];
  if (fortran === undefined || dims === undefined)
    throw new Complaint("The header of the .npy file cannot be read. Save it again with numpy.save.");
  const shape = (dims.match(/\d+/g) ?? []).map(Number);
  if (fortran === "True" && shape.filter((dim) => dim !== 1).length > 1) {
    throw new Complaint("The .npy file is in Fortran order. Save numpy.ascontiguousarray(array).");
  }
  return { dtype: dtypeOf(descr), dims: shape };
}

function dtypeOf(descr: string | undefined): Dtype {
  if (descr === undefined) throw new Complaint("The .npy file holds records. Save one plain array a file.");
  const type = descr.slice(1);
  const found = (Object.keys(kinds) as Dtype[]).find((dtype) => kinds[dtype].npy === type);
  if (!found)
    throw new Complaint(
      `The .npy file holds elements of type '${descr}', which no model takes. Convert them with array.astype.`,
    );
  if (descr.startsWith(">") && kinds[found].bytes > 1) {
    throw new Complaint(`The .npy file is big-endian. Save array.astype('<${type}').`);
  }
  return found;
}
