import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importSource } from "./import.mjs";

const { readNpy, writeNpy } = await importSource("npy.ts");

const arrays = {
  float32: new Float32Array([1.5, -2, Number.NaN, 0, 3, 4]),
  float64: new Float64Array([Math.PI, -2, 1e300, 0, 3, 4]),
  float16: new Uint16Array([0x3c00, 0xc000, 0x7e00, 0, 1, 2]),
  int64: new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n, 0n, 1n, 2n, 3n]),
  int32: new Int32Array([-5, 4, 3, 2, 1, 0]),
  int16: new Int16Array([-5, 4, 3, 2, 1, 0]),
  int8: new Int8Array([-5, 4, 3, 2, 1, 0]),
  uint64: new BigUint64Array([2n ** 64n - 1n, 0n, 1n, 2n, 3n, 4n]),
  uint32: new Uint32Array([5, 4, 3, 2, 1, 0]),
  uint16: new Uint16Array([5, 4, 3, 2, 1, 0]),
  uint8: new Uint8Array([5, 4, 3, 2, 1, 0]),
  bool: new Uint8Array([1, 0, 1, 0, 1, 0]),
};

/** A file as numpy.save writes it, with any header and version. */
function file(header, elements = new Uint8Array(0), version = 1) {
  const text = new TextEncoder().encode(header);
  const size = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return new Uint8Array([0x93, ...Buffer.from("NUMPY"), version, 0, ...size, ...text, ...elements]).buffer;
}

const header = (descr, fortran, shape) => `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

describe("a written file is read back", () => {
  for (const [dtype, data] of Object.entries(arrays)) {
    for (const dims of [[6], [2, 3], [1, 6, 1]]) {
      it(`${dtype} ${dims}`, () => {
        const written = writeNpy(dtype, { data, dims });
        assert.equal((written.byteLength - data.byteLength) % 64, 0, "elements are aligned as NumPy aligns them");
        assert.deepEqual(readNpy(written.buffer), { dtype, dims, data });
      });
    }
  }

  it("a scalar", () => {
    const scalar = { data: new BigInt64Array([16000n]), dims: [] };
    assert.deepEqual(readNpy(writeNpy("int64", scalar).buffer), { dtype: "int64", ...scalar });
  });

  it("a tensor without elements", () => {
    const none = { data: new Float32Array(0), dims: [0, 3] };
    assert.deepEqual(readNpy(writeNpy("float32", none).buffer), { dtype: "float32", ...none });
  });

  it("a part of a larger buffer", () => {
    const part = { data: new Float32Array(8).fill(7).subarray(2, 4), dims: [2] };
    assert.deepEqual(readNpy(writeNpy("float32", part).buffer).data, new Float32Array([7, 7]));
  });
});

describe("other files that NumPy writes are read", () => {
  it("version 2, whose header has a longer length", () => {
    assert.deepEqual(readNpy(file(header("|u1", "False", "(2,)"), [8, 9], 2)).data, new Uint8Array([8, 9]));
  });

  it("Fortran order of one axis is the same as C order", () => {
    assert.deepEqual(readNpy(file(header("|u1", "True", "(1, 2)"), [8, 9])).dims, [1, 2]);
  });
});

describe("bad files say what is wrong and what helps", () => {
  const cases = [
    ["not a .npy file", new TextEncoder().encode("PK\x03\x04 something").buffer, /not a \.npy file.*numpy\.save/],
    ["an empty file", new ArrayBuffer(0), /not a \.npy file/],
    ["a cut header", file(header("<f4", "False", "(2,)")).slice(0, 30), /header/],
    ["cut elements", file(header("<f4", "False", "(2, 2)"), [1, 2, 3]), /cut short: 3 of 16 bytes/],
    ["Fortran order", file(header("<f4", "True", "(2, 2)"), new Array(16).fill(0)), /Fortran order.*ascontiguousarray/],
    ["big-endian", file(header(">f4", "False", "(1,)"), [0, 0, 0, 0]), /big-endian.*'<f4'/],
    ["strings", file(header("<U5", "False", "(1,)"), new Array(20).fill(0)), /type '<U5'.*astype/],
    ["complex numbers", file(header("<c8", "False", "(1,)"), new Array(8).fill(0)), /type '<c8'/],
    ["records", file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n"), /records/],
    ["a header that is none", file("hello\n"), /header/],
  ];
  for (const [name, bytes, message] of cases) {
    it(name, () => assert.throws(() => readNpy(bytes), { name: "Complaint", message }));
  }
});
