import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importSource } from "./import.mjs";

const { at, fromHalf, put, range, toHalf } = await importSource("tensor/dtype.ts");
const { fromJson, random, zeros } = await importSource("tensor/fill.ts");
const { agree, match, matchNpy, resolve, symbols } = await importSource("tensor/dims.ts");
const { extent, largest, rowIndex, slice, sliceName } = await importSource("tensor/grid.ts");
const { show, stats } = await importSource("tensor/stats.ts");

const complaint = (message) => ({ name: "Complaint", message });

describe("half precision", () => {
  it("each of the 65,536 bit patterns survives a round trip", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromHalf(bits);
      if (Number.isNaN(value)) assert.ok(Number.isNaN(fromHalf(toHalf(value))));
      else assert.equal(toHalf(value), bits, `0x${bits.toString(16)} = ${value}`);
    }
  });

  it("rounds to the nearest, ties to even, and overflows to infinity", () => {
    assert.equal(toHalf(1 + 2 ** -11), 0x3c00);
    assert.equal(toHalf(1 + 3 * 2 ** -11), 0x3c02);
    assert.equal(toHalf(2 - 2 ** -12), 0x4000);
    assert.equal(toHalf(65519.99), 0x7bff);
    assert.equal(toHalf(65520), 0x7c00);
    assert.equal(toHalf(2 ** -25), 0);
    assert.equal(toHalf(-(2 ** -24)), 0x8001);
  });
});

describe("filling", () => {
  it("zeros and random have the dtype's array and the dims", () => {
    assert.deepEqual(zeros("int64", [2]), { data: new BigInt64Array(2), dims: [2] });
    assert.equal(random("float16", [3, 2]).data.constructor, Uint16Array);
    assert.deepEqual(random("float32", []).data.length, 1);
  });

  it("random stays within what the form promises", () => {
    for (const [dtype, low, high] of [
      ["bool", 0, 1],
      ["int8", -128, 127],
      ["uint8", 0, 255],
      ["int64", 0, 9],
    ]) {
      const drawn = new Set(Array.from(random(dtype, [4000]).data, Number));
      assert.equal(Math.min(...drawn), low);
      assert.equal(Math.max(...drawn), high);
    }
  });

  it("random floats are normal, whatever the dice say", () => {
    const { data } = random("float32", [20_000]);
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    assert.ok(Math.abs(mean) < 0.05);
    assert.ok(random("float32", [1], () => 0).data.every(Number.isFinite));
  });

  it("refuses what the page cannot hold", () => {
    assert.throws(() => zeros("float32", [2 ** 15, 2 ** 15]), complaint(/32768 × 32768 is more than/));
  });
});

describe("JSON", () => {
  it("nested lists give the dims", () => {
    assert.deepEqual(fromJson("float32", "[[1, 2], [3, 4.5]]", [9]), {
      data: new Float32Array([1, 2, 3, 4.5]),
      dims: [2, 2],
    });
  });
  it("a flat list takes the dims that hold as many", () => {
    assert.deepEqual(fromJson("int32", "[1, 2, 3, 4]", [2, 2]).dims, [2, 2]);
    assert.deepEqual(fromJson("int64", "16000", [1, 1]), { data: new BigInt64Array([16000n]), dims: [1, 1] });
  });
  it("a number is a scalar", () => assert.deepEqual(fromJson("int64", "16000", []).dims, []));
  it("truth values and numbers that are none", () => {
    assert.deepEqual(fromJson("bool", "[true, false, 1]", [3]).data, new Uint8Array([1, 0, 1]));
    assert.deepEqual(
      fromJson("float32", '["NaN", "-Infinity"]', [2]).data,
      new Float32Array([Number.NaN, Number.NEGATIVE_INFINITY]),
    );
  });
  it("empty lists", () => assert.deepEqual(fromJson("float32", "[[], []]", []).dims, [2, 0]));

  for (const [name, dtype, text, message] of [
    ["not JSON", "float32", "[1, 2", /not JSON/],
    ["ragged", "float32", "[[1], [2, 3]]", /different lengths/],
    ["ragged in depth", "float32", "[[1], 2]", /different lengths/],
    ["a word", "float32", '["one"]', /"one" is not a number/],
    ["a fraction", "int32", "[1.5]", /1\.5 is not a whole number/],
    ["too large", "uint8", "[256]", /256 does not fit uint8, which holds 0 to 255/],
    ["too small", "uint64", "[-1]", /-1 does not fit uint64/],
    ["nothing", "float32", "", /not JSON/],
  ]) {
    it(`${name} is told`, () => assert.throws(() => fromJson(dtype, text, []), complaint(message)));
  }
});

describe("symbolic dims", () => {
  const input = { name: "x", dtype: "float32", shape: ["N", 3, "size", "size"] };
  const manifest = (samples) => ({ signature: { inputs: [input], outputs: [] }, samples });

  it("start from the sample, else from 1", () => {
    const tensors = [{ name: "x", dims: [2, 3, 8, 8], content: [] }];
    assert.deepEqual(
      [...symbols(manifest([{ kind: "tensors", name: "a", tensors }]))],
      [
        ["N", 2],
        ["size", 8],
      ],
    );
    assert.deepEqual(
      [...symbols(manifest([]))],
      [
        ["N", 1],
        ["size", 1],
      ],
    );
  });
  it("are put in by name", () =>
    assert.deepEqual(
      resolve(
        input.shape,
        new Map([
          ["N", 4],
          ["size", 5],
        ]),
      ),
      [4, 3, 5, 5],
    ));
  it("are told from dims that fit", () =>
    assert.deepEqual(
      [...match(input, [1, 3, 7, 7])],
      [
        ["N", 1],
        ["size", 7],
      ],
    ));
  it("a wrong rank, size or pair is told", () => {
    for (const dims of [
      [3, 7, 7],
      [1, 4, 7, 7],
      [1, 3, 7, 8],
    ]) {
      assert.throws(() => match(input, dims), complaint(/but x takes N × 3 × size × size/));
    }
  });
  it("a file of another dtype is told, with the remedy", () => {
    assert.throws(
      () => matchNpy(input, { dtype: "float64", dims: [1, 3, 7, 7] }),
      complaint(/holds float64.*astype\(numpy\.float32\)/),
    );
  });
  it("inputs that disagree are told", () => {
    const asked = [
      { input: "a", sizes: new Map([["N", 2]]) },
      { input: "b", sizes: new Map([["N", 3]]) },
    ];
    assert.throws(() => agree(asked), complaint(/N is 2 in a but 3 in b/));
    assert.deepEqual([...agree(asked.slice(1))], [["N", 3]]);
  });
});

describe("figures of a tensor", () => {
  it("64-bit integers stay exact", () => {
    const found = stats("int64", { data: new BigInt64Array([2n ** 62n + 1n, -5n]), dims: [2] });
    assert.equal(found.max, 2n ** 62n + 1n);
    assert.equal(show("int64", found.max), String(2n ** 62n + 1n));
  });
  it("half precision is decoded", () => {
    assert.deepEqual(stats("float16", { data: new Uint16Array([0x3c00, 0xc000]), dims: [2] }), {
      min: -2,
      max: 1,
      mean: -0.5,
      nan: 0,
    });
  });
  it("what is not a number is counted and left out", () => {
    assert.deepEqual(stats("float32", { data: new Float32Array([Number.NaN, 2]), dims: [2] }), {
      min: 2,
      max: 2,
      mean: 2,
      nan: 1,
    });
    assert.equal(stats("float32", { data: new Float32Array([Number.NaN]), dims: [1] }), null);
    assert.equal(stats("float32", { data: new Float32Array(0), dims: [0] }), null);
  });
  it("truth values read as words", () => assert.equal(show("bool", 1), "true"));
});

describe("rows and slices", () => {
  const tensor = { data: Float32Array.from({ length: 24 }, (_, i) => i - 12), dims: [2, 3, 4] };

  it("rows run along the last axis", () => {
    assert.deepEqual(extent([2, 3, 4]), { rows: 6, columns: 4 });
    assert.deepEqual(extent([]), { rows: 1, columns: 1 });
    assert.deepEqual(rowIndex([2, 3, 4], 5), [1, 2]);
    assert.deepEqual(rowIndex([4], 0), []);
  });
  it("the largest of a row", () => {
    assert.equal(largest("float32", { data: new Float32Array([1, 5, 5, 9, 0, Number.NaN]), dims: [2, 3] }, 0), 1);
    assert.equal(largest("float32", { data: new Float32Array([1, 5, 5, 9, 0, Number.NaN]), dims: [2, 3] }, 1), 0);
  });
  it("a slice is the first of the last two axes", () => {
    assert.deepEqual(Array.from(slice("float32", tensor, 9, 9).values), Array.from(tensor.data.subarray(0, 12)));
    assert.equal(sliceName([2, 3, 4]), "[0, :, :]");
    assert.equal(sliceName([1, 3, 1, 4]), "");
    assert.equal(sliceName([2, 1, 3, 4]), "[0, 0, :, :]");
  });
  it("a shrunk slice keeps peaks of either sign", () => {
    const { values, rows, columns, full, limits } = slice(
      "float32",
      { data: new Float32Array([0, 0, 1, 0, 0, -7, 0, 0]), dims: [2, 4] },
      1,
      2,
    );
    assert.deepEqual({ values: Array.from(values), rows, columns }, { values: [-7, 1], rows: 1, columns: 2 });
    assert.deepEqual(full, { rows: 2, columns: 4 });
    assert.deepEqual(limits, { low: -7, high: 1 });
  });
});

it("at and put agree for every dtype", () => {
  for (const dtype of ["float32", "float16", "int64", "uint8", "bool"]) {
    const { data } = zeros(dtype, [2]);
    put(dtype, data, 1, 1);
    assert.equal(Number(at(dtype, data, 1)), 1);
  }
  assert.deepEqual(range("int64"), [-(2n ** 63n), 2n ** 63n - 1n]);
});
