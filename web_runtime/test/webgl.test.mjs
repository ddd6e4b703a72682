// Parts of the engine of webgl that need no GPU: half precision, weights as they travel, sizes that the inputs tell.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "./typescript.mjs";

const { fromHalves, toHalves } = await import("../engines/webgl/half.ts");
const { bind, sizesOf } = await import("../engines/webgl/graph.ts");
const { expand } = await import("../engines/webgl/weights.ts");

const refusal = (code, message) => (error) => error.code === code && message.test(error.message);

describe("halves", () => {
  it("go to numbers and back, all of them", () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const numbers = fromHalves(bits);
    assert.deepEqual([numbers[0x3c00], numbers[1], numbers[0xfbff], numbers[0x7c00]], [1, 2 ** -24, -65504, Infinity]);
    const isNumber = (half) => (half & 0x7fff) <= 0x7c00;
    assert.deepEqual(toHalves(numbers).filter(isNumber), bits.filter(isNumber));
    assert.ok(bits.every((half, i) => isNumber(half) === !Number.isNaN(numbers[i])));
  });

  it("are the nearest, and the even ones of two", () => {
    const given = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 3 * 2 ** -26, -1e9, 2047.9999];
    assert.deepEqual([...fromHalves(toHalves(given))], [1, 1 + 2 ** -9, 65504, Infinity, 0, 2 ** -24, -Infinity, 2048]);
  });
});

describe("weights", () => {
  const contents = new Map([["0", new Uint8Array([1, 2, 255, 254, 3, 0, 0, 0, 0, 0, 0, 64, 0, 0, 128, 63, 0, 60])]]);
  const at = (entry) => expand({ name: "w", dtype: "float32", location: "0", ...entry }, contents);

  it("are expanded by column, by row, and from halves", () => {
    assert.deepEqual([...at({ shape: [2, 2], stored: "int8", offset: 0, scale: 8 })], [2, 2, -2, -2]);
    assert.deepEqual([...at({ shape: [2, 2], stored: "int8", offset: 0, scale: 8, axis: 0 })], [2, 4, -1, -2]);
    assert.deepEqual([...at({ shape: [1], stored: "float16", offset: 16 })], [1]);
    assert.deepEqual([...at({ shape: [1], dtype: "int32", offset: 4 })], [3]);
    assert.deepEqual([...at({ shape: [2], dtype: "bool", values: [1, 0] })], [1, 0]);
  });

  it("that are not there are refused", () => {
    assert.throws(() => at({ shape: [2], offset: 12 }), refusal("plan-invalid", /"w" reaches past its content/));
    assert.throws(() => at({ shape: [2], offset: -4 }), refusal("plan-invalid", /"w" reaches past/));
    assert.throws(() => at({ shape: [2], offset: 0, location: "1" }), refusal("plan-invalid", /"w" is at no location/));
    assert.throws(() => at({ shape: [2], offset: 0, stored: "int4" }), refusal("plan-invalid", /"w"/));
    assert.throws(() => at({ shape: [2], values: [1] }), refusal("plan-invalid", /1 values for 2/));
    assert.throws(() => at({ shape: [2, 2], stored: "int8", offset: 0 }), refusal("plan-invalid", /reaches past/));
  });
});

describe("sizes", () => {
  const graph = {
    inputs: [
      { name: "x", tensor: "n0", shape: ["n", 3, "n"] },
      { name: "z", tensor: "n1" },
    ],
    checks: [[["*", "n", 2], 8]],
  };

  it("come from the inputs' dims", () => {
    const symbols = bind(graph, [[4, 3, 4], [7]]);
    assert.deepEqual(sizesOf({ name: "s", shape: [2], values: ["n", ["//", "n", 3]] }, symbols), Int32Array.of(4, 1));
  });

  it("that do not fit are named", () => {
    const unfit = (dims, message) => assert.throws(() => bind(graph, dims), refusal("input-invalid", message));
    unfit([[4, 3], []], /"x" has 2 dims in place of 3/);
    unfit([[4, 2, 4], []], /dim 1 of "x" is 2 in place of 3/);
    unfit([[4, 3, 5], []], /dim 2 of "x" is 5 in place of 4/);
    unfit([[5, 3, 5], []], /must be equal/);
    const none = new Map();
    assert.throws(() => sizesOf({ name: "s", shape: [1], values: ["m"] }, none), refusal("input-invalid", /sizes "s"/));
  });
});
