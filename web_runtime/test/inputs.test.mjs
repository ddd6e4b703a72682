// What the engine never sees: inputs that do not fit the signature, each refused with one sentence.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seeded } from "./cases.mjs";
import "./typescript.mjs";

const { checkInputs } = await import("../src/worker/inputs.ts");
const { arrayTypes, elements } = await import("../src/shared/tensor.ts");

const ids = { name: "ids", dtype: "int64", shape: ["batch", "tokens"] };
const image = { name: "image", dtype: "float32", shape: ["batch", 3, "floor(tokens/2)"] };
const signature = { inputs: [ids, image], outputs: [] };

const tensor = (type, dims) => ({ data: new type(elements(dims)), dims });
const good = () => ({ ids: tensor(BigInt64Array, [2, 5]), image: tensor(Float32Array, [2, 3, 9]) });

const refused = (inputs, message) =>
  assert.throws(() => checkInputs(inputs, signature), { code: "input-invalid", message });

describe("checkInputs", () => {
  it("takes what fits", () => checkInputs(good(), signature));

  it("takes an empty batch, and no inputs where there are none", () => {
    checkInputs({ ids: tensor(BigInt64Array, [0, 5]), image: tensor(Float32Array, [0, 3, 9]) }, signature);
    checkInputs({}, { inputs: [], outputs: [] });
  });

  const wrong = [
    ["no object", null, /must be an object of tensors: "ids" \(int64 \[batch, tokens\]\), "image"/],
    ["a missing input", { ids: good().ids }, /Input "image" is missing/],
    ["an unknown input", { ...good(), mask: good().ids }, /no input "mask"\. It takes "ids"/],
    ["a tensor that is none", { ...good(), ids: 7 }, /"ids" must be a BigInt64Array.*but is missing/],
    [
      "another dtype",
      { ...good(), ids: tensor(Int32Array, [2, 5]) },
      /must be a BigInt64Array, for its dtype int64, but is a Int32Array/,
    ],
    ["an array of numbers", { ...good(), ids: { data: [1, 2], dims: [1, 2] } }, /but is a Array/],
    [
      "no dims",
      { ...good(), ids: { data: new BigInt64Array(4) } },
      /dims of input "ids" must be an array of whole numbers/,
    ],
    ["a dim that is no size", { ...good(), ids: { data: new BigInt64Array(4), dims: [1.5, 2] } }, /whole numbers/],
    ["a negative dim", { ...good(), ids: { data: new BigInt64Array(4), dims: [-2, -2] } }, /whole numbers/],
    [
      "another rank",
      { ...good(), ids: tensor(BigInt64Array, [10]) },
      /must have the shape \[batch, tokens\], but has the dims \[10\]/,
    ],
    [
      "another fixed size",
      { ...good(), image: tensor(Float32Array, [2, 4, 9]) },
      /\[batch, 3, floor\(tokens\/2\)\], but has the dims \[2, 4, 9\]/,
    ],
    [
      "a symbol of two sizes",
      { ...good(), image: tensor(Float32Array, [3, 3, 9]) },
      /"batch" must be one size: it is 2 in input "ids", but 3 in input "image"/,
    ],
    [
      "too few elements",
      { ...good(), ids: { data: new BigInt64Array(9), dims: [2, 5] } },
      /has 9 elements, but its dims \[2, 5\] ask for 10\.$/,
    ],
    ["data that was moved", { ...good(), ids: { data: new BigInt64Array(0), dims: [2, 5] } }, /transfer: true/],
  ];
  for (const [what, inputs, message] of wrong) it(`refuses ${what}`, () => refused(inputs, message));

  it("takes any tensor of any signature, and refuses it with any one size changed", () => {
    const random = seeded(7);
    const below = (limit) => Math.floor(random() * limit);
    const dtypes = Object.keys(arrayTypes);
    for (let round = 0; round < 300; round++) {
      const dims = Array.from({ length: below(5) }, () => below(4));
      const dtype = dtypes[below(dtypes.length)];
      const shape = dims.map((dim) => (random() < 0.5 ? dim : `${dim} + n`));
      const one = { inputs: [{ name: "x", dtype, shape }], outputs: [] };
      checkInputs({ x: tensor(arrayTypes[dtype], dims) }, one);
      const axis = shape.findIndex((dim) => typeof dim === "number");
      if (axis < 0) continue;
      const changed = dims.map((dim, at) => (at === axis ? dim + 1 : dim));
      assert.throws(() => checkInputs({ x: tensor(arrayTypes[dtype], changed) }, one), { code: "input-invalid" });
    }
  });
});
