// The compiled engine's executor without its kernels: expressions, plans, lifetimes, memory, ranges of weights.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "./typescript.mjs";

const { evaluate } = await import("../engines/wasm/expressions.ts");
const { lifetimes } = await import("../engines/wasm/lifetimes.ts");
const { place } = await import("../engines/wasm/memory.ts");
const { parsePlan } = await import("../engines/wasm/plan.ts");
const { bind, usualLimits } = await import("../engines/wasm/bind.ts");
const { Ranges } = await import("../engines/wasm/ranges.ts");

describe("evaluate", () => {
  const names = new Map([
    ["a", 7],
    ["b", -7],
  ]);
  const cases = [
    [3, 3],
    ["a", 7],
    [["+", "a", "b", 2], 2],
    [["//", "b", 2], -4],
    [["%", "b", 4], 1],
    [["//", "a", 0], 0],
    [["%", "a", 0], 0],
    [["up", "a", 8], 8],
    [["min", "a", 3], 3],
    [["span", 3, 10, 2, 1], 22],
    [["span", 0, 10, 2, 1], 0],
    [["span", 3, "b"], Number.NaN],
    [["*", 2 ** 40, 2 ** 40], Number.NaN],
    [["+", "unknown", 1], Number.NaN],
  ];
  for (const [expression, value] of cases)
    it(`gives ${value} for ${JSON.stringify(expression)}`, () => assert.equal(evaluate(expression, names), value));
});

describe("place", () => {
  it("keeps apart what is needed at the same time, over many random sets", () => {
    let state = 1;
    const random = (below) => {
      state = (state * 48271) % 2147483647;
      return state % below;
    };
    for (let set = 0; set < 200; set++) {
      const blocks = Array.from({ length: 1 + random(40) }, () => {
        const from = random(30);
        return { bytes: random(5000), from, to: from + random(6), offset: -1 };
      });
      const size = place(blocks);
      const held = blocks.filter(({ bytes }) => bytes > 0);
      for (const [i, a] of held.entries()) {
        assert.ok(a.offset % 64 === 0 && a.offset + a.bytes <= size);
        for (const b of held.slice(i + 1)) {
          const together = a.from <= b.to && b.from <= a.to;
          if (together) assert.ok(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset);
        }
      }
    }
  });

  it("uses memory again", () => {
    const chain = Array.from({ length: 10 }, (_, i) => ({ bytes: 640, from: i, to: i + 1, offset: 0 }));
    assert.equal(place(chain), 1280);
  });
});

describe("Ranges", () => {
  it("knows what is there, in whatever order it came", () => {
    const ranges = new Ranges();
    assert.ok(ranges.holds([5, 5]));
    for (const range of [
      [20, 30],
      [0, 10],
      [40, 50],
      [10, 20],
      [25, 41],
    ])
      ranges.add(range);
    assert.ok(ranges.holds([0, 50]));
    assert.ok(!ranges.holds([0, 51]));
  });
});

/** y = unary(x) of `rows` × 4 numbers, and then z = y + x. */
const sound = () => ({
  format: "packager-plan",
  version: 1,
  symbols: ["rows"],
  sizes: ["rows", 4, ["*", 0, 1], 1, 0],
  values: [
    { dtype: "float32", shape: [0, 1], place: "input" },
    { dtype: "float32", shape: [0, 1], place: "arena" },
    { dtype: "float32", shape: [0, 1], place: "output" },
  ],
  inputs: [{ name: "x", value: 0 }],
  outputs: [{ name: "z", value: 2 }],
  weights: 0,
  load: [],
  steps: [
    { kernel: "unary_f32", args: [{ v: 0 }, { v: 1 }, { s: 2 }, { i: 0 }, { f: 0 }, { f: "inf" }] },
    {
      kernel: "binary_f32",
      args: [
        ...[1, 0, 2].map((v) => ({ v })),
        ...[3, 3, 3, 3, 2].map((s) => ({ s })),
        ...[4, 4, 4, 4, 3].map((s) => ({ s })),
        ...[4, 4, 4, 4, 3].map((s) => ({ s })),
        { i: 0 },
      ],
    },
  ],
});
const parse = (plan) => parsePlan(new TextEncoder().encode(JSON.stringify(plan)));
const bases = { weights: 1024, arena: 4096, loaded: new Map() };

function bound(plan, dims, limits = usualLimits) {
  const parsed = parse(plan);
  return bind(parsed, lifetimes(parsed), [dims], bases, limits);
}

describe("a sound plan", () => {
  it("is bound to its inputs' dims", () => {
    const { inputs, outputs, commands, arena, works } = bound(sound(), [3, 4]);
    assert.deepEqual(
      [inputs[0].dims, outputs[0].dims],
      [
        [3, 4],
        [3, 4],
      ],
    );
    assert.equal(works.length, 2);
    assert.equal(commands[1], 8);
    // The sum is written where the unary's result was: nobody needs that any more.
    assert.equal(arena, 128);
    assert.ok(inputs[0].address !== outputs[0].address);
  });

  it("is bound to no rows at all", () => assert.equal(bound(sound(), [0, 4]).arena, 0));
});

describe("a plan that is none", () => {
  const changes = [
    ["another format", (p) => Object.assign(p, { format: "x" }), /does not say/],
    ["a newer version", (p) => Object.assign(p, { version: 2 }), /version 2/],
    ["an operator that is none", (p) => p.sizes.push(["^", 0, 1]), /sizes\/5 is no operation/],
    ["a size of later ones", (p) => p.sizes.push(["+", 0, 5]), /sizes\/5 is 5, which is out of range/],
    ["a symbol that no input tells", (p) => p.symbols.push("other"), /no input tells the size of the symbol "other"/],
    ["a dtype that is none", (p) => Object.assign(p.values[1], { dtype: "complex" }), /values\/1 has no dtype/],
    ["a place that is none", (p) => Object.assign(p.values[1], { place: "moon" }), /values\/1 has no place/],
    ["an alias of a later value", (p) => Object.assign(p.values[0], { place: "alias", of: 1 }), /values\/0\/of/],
    [
      "weights past their end",
      (p) => p.values.push({ dtype: "int8", shape: [1], place: "weights", offset: 64 }),
      /past the end/,
    ],
    ["an unknown kernel", (p) => Object.assign(p.steps[0], { kernel: "rm" }), /steps\/0 names the kernel "rm"/],
    ["too few arguments", (p) => p.steps[0].args.pop(), /gives 5 arguments to unary_f32, which takes 6/],
    [
      "an argument of another kind",
      (p) => Object.assign(p.steps[0].args[0], { v: undefined, i: 3 }),
      /steps\/0\/args\/0/,
    ],
    ["a buffer of another dtype", (p) => Object.assign(p.values[1], { dtype: "int32" }), /is of the dtype int32/],
    [
      "a step that reads what nothing wrote",
      (p) => p.steps.shift(),
      /steps\/0 reads values\/1, which nothing has written/,
    ],
    ["a step that writes an input", (p) => Object.assign(p.steps[0].args[1], { v: 0 }), /writes values\/0/],
    ["an output that nothing writes", (p) => p.steps.pop(), /nothing writes outputs\/0/],
    ["inputs twice", (p) => p.inputs.push({ name: "again", value: 0 }), /its inputs are not/],
  ];
  for (const [what, change, message] of changes) {
    it(`with ${what} is refused`, () => {
      const plan = sound();
      change(plan);
      assert.throws(() => bound(plan, [3, 4]), { code: "plan-invalid", message });
    });
  }

  it("as text is refused", () => {
    for (const text of ["", "{", "null", "[]", "\u0000"])
      assert.throws(() => parsePlan(new TextEncoder().encode(text)), { code: "plan-invalid" });
  });
});

describe("sizes that do not go", () => {
  const changes = [
    [
      "more than a buffer holds",
      (p) => Object.assign(p.steps[0].args[2], { s: undefined, i: 13 }),
      /would touch 52 bytes of its argument 0, which has 48/,
    ],
    [
      "less than nothing",
      (p) => Object.assign(p.steps[0].args[2], { s: undefined, i: -1 }),
      /has -1 for its argument 2/,
    ],
    [
      "what its kernel refuses",
      (p) => Object.assign(p.steps[0].args[3], { i: 1000 }),
      /does not hold to its condition/,
    ],
    ["sizes that differ", (p) => Object.assign(p, { check: [[0, 1]] }), /must be the same, but are 3 and 4/],
  ];
  for (const [what, change, message] of changes) {
    it(`with ${what} are refused`, () => {
      const plan = sound();
      change(plan);
      assert.throws(() => bound(plan, [3, 4]), { code: "input-invalid", message });
    });
  }

  it("of the inputs are refused", () => {
    assert.throws(() => bound(sound(), [3, 5]), { code: "input-invalid", message: /"x" must have the dims \[3, 4\]/ });
    assert.throws(() => bound(sound(), [3]), { code: "input-invalid" });
  });

  it("past memory or patience are refused", () => {
    assert.throws(() => bound(sound(), [2 ** 26, 4]), { code: "out-of-memory" });
    assert.throws(() => bound(sound(), [2 ** 30, 4]), { code: "input-invalid" });
    assert.throws(() => bound(sound(), [1000, 4], { ...usualLimits, work: 100 }), { message: /more work than a page/ });
  });
});
