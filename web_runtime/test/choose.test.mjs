// The choice of a variant and of threads, and its reasons.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "./typescript.mjs";

const { chooseModule, chooseThreads, detectCapabilities, rankVariants } = await import("../src/worker/choose.ts");

const able = { simd: true, relaxed: true, gunzip: true, isolated: true, cores: 8 };
const variant = (id, target = "ort-wasm", precision = "fp32") => ({ id, target, precision });
const [first, second] = [variant("first"), variant("second")];

const ranked = (...given) => rankVariants(...given).map(({ value }) => value.id);

describe("rankVariants", () => {
  it("keeps their order, which is that of preference", () => {
    const [best, next] = rankVariants([first, second], able);
    assert.equal(best.value, first);
    assert.equal(best.reason, "first was measured to be the best of 2 variants.");
    assert.equal(next.reason, "second is the best of the variants that are left.");
    assert.equal(rankVariants([second], able)[0].reason, "second is the model's only variant.");
  });

  it("gives the one that is asked for alone", () => {
    const [{ value, reason }, ...others] = rankVariants([first, second], able, { wanted: "second" });
    assert.equal(value, second);
    assert.equal(reason, "second was asked for.");
    assert.deepEqual(others, []);
  });

  it("refuses one that is not there", () => {
    const message = 'The model has no variant "third". It has: first, second.';
    assert.throws(() => rankVariants([first, second], able, { wanted: "third" }), { code: "input-invalid", message });
  });

  it("says what the browser lacks", () => {
    const unable = { ...able, simd: false };
    assert.throws(() => rankVariants([first], unable), {
      code: "unsupported",
      message: /lacks WebAssembly SIMD.*Chrome 91/,
    });
    assert.throws(() => rankVariants([first], unable, { wanted: "first" }), { code: "unsupported" });
    const old = { ...able, gunzip: false };
    assert.throws(() => rankVariants([first], old), { code: "unsupported", message: /lacks decompression of gzip/ });
  });

  it("starts with the one that won on this device", () => {
    const [best, next] = rankVariants([first, second], able, { winner: "second" });
    assert.equal(best.reason, "second was the faster of two when they were timed on this device.");
    assert.equal(next.value, first);
    assert.deepEqual(ranked([first, second], able, { winner: "gone" }), ["first", "second"]);
  });

  const all = [
    variant("f16", "webgpu", "fp16"),
    variant("f32", "webgpu"),
    variant("i4", "webgpu", "int4"),
    variant("gl", "webgl"),
    variant("cpu", "wasm"),
  ];
  const cards = [
    [undefined, ["cpu"], /cpu is the best variant for this browser, which lacks WebGPU\./],
    [{ webgl: true, webgpu: false, halfs: false }, ["gl", "cpu"], /which lacks WebGPU\./],
    [{ webgl: false, webgpu: true, halfs: false }, ["f32", "i4", "cpu"], /which lacks half floats in WebGPU\./],
    [
      { webgl: true, webgpu: true, halfs: true },
      ["f16", "f32", "i4", "gl", "cpu"],
      /f16 was measured to be the best of 5/,
    ],
  ];
  for (const [gpu, ids, reason] of cards) {
    it(`takes what this device's graphics card can do: ${JSON.stringify(gpu)}`, () => {
      const capabilities = { ...able, gpu };
      assert.deepEqual(ranked(all, capabilities), ids);
      assert.match(rankVariants(all, capabilities)[0].reason, reason);
    });
  }
});

describe("chooseModule", () => {
  const build = (...needs) => ({ needs, content: [needs.join()] });
  const modules = [build("relaxed-simd", "threads"), build("relaxed-simd"), build("threads"), build()];
  const cases = [
    [true, 2, "relaxed-simd,threads"],
    [true, 1, "relaxed-simd"],
    [false, 2, "threads"],
    [false, 1, ""],
  ];
  for (const [relaxed, threads, needs] of cases) {
    it(`gives the build of "${needs}" for ${threads} threads, relaxed ${relaxed}`, () =>
      assert.deepEqual(chooseModule({ modules }, { ...able, relaxed }, threads), [needs]));
  }

  it("gives an engine's only module", () => assert.deepEqual(chooseModule({ module: ["one"] }, able, 1), ["one"]));

  it("gives none of a script alone", () => assert.equal(chooseModule({ script: "webgl.js" }, able, 1), null));

  it("refuses where no build fits", () =>
    assert.throws(() => chooseModule({ modules: [build("threads")] }, able, 1), { code: "unsupported" }));
});

describe("chooseThreads", () => {
  const cases = [
    [{ ...able, isolated: false }, undefined, 1, /^One thread: the page is not cross-origin isolated/],
    [{ ...able, isolated: false }, 4, 1, /^One thread/],
    [{ ...able, cores: 1 }, undefined, 1, /^One thread: the device has 1 logical processor and/],
    [{ ...able, cores: 2 }, undefined, 2, /^2 threads: the device has 2 logical processors/],
    [{ ...able, cores: 8 }, undefined, 4, /^4 threads/],
    [{ ...able, cores: 64 }, undefined, 8, /^8 threads/],
    [able, 2, 2, /^2 threads, as asked for/],
    [able, 1, 1, /^One thread, as asked for/],
    [able, 8, 8, /^8 threads, as asked for/],
    [able, 100, 8, /^8 threads, not 100 as asked for: the device has 8/],
  ];
  for (const [capabilities, most, threads, reason] of cases) {
    it(`gives ${threads} for ${JSON.stringify({ ...capabilities, most })}`, () => {
      const choice = chooseThreads(first, capabilities, most);
      assert.equal(choice.value, threads);
      assert.match(choice.reason, reason);
    });
  }

  it("gives one beside a graphics card", () => {
    const choice = chooseThreads(variant("gl", "webgl"), able);
    assert.deepEqual(choice, { value: 1, reason: "One thread: the graphics card does the work." });
  });

  for (const most of [0, -1, 1.5, Number.NaN, "2"]) {
    it(`refuses ${most} threads`, () =>
      assert.throws(() => chooseThreads(first, able, most), { code: "input-invalid" }));
  }
});

/** What Node itself says of the relaxed instructions: those of today have them, older ones not. */
const relaxedHere = () => ({ relaxed: Number.parseInt(process.versions.node, 10) >= 21 });

describe("detectCapabilities", () => {
  it("finds SIMD in this engine, which has it", () => {
    Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: 3 }, configurable: true });
    assert.deepEqual(detectCapabilities(), { ...relaxedHere(), simd: true, gunzip: true, isolated: false, cores: 3 });
  });
});
