// The choice of a variant and of threads, and its reasons.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "./typescript.mjs";

const { chooseModule, chooseThreads, chooseVariant, detectCapabilities } = await import("../src/worker/choose.ts");

const able = { simd: true, relaxed: true, gunzip: true, isolated: true, cores: 8 };
const variant = (id) => ({ id, target: "ort-wasm" });
const [first, second] = [variant("first"), variant("second")];

describe("chooseVariant", () => {
  it("takes the first, as they are in order of preference", () => {
    const { value, reason } = chooseVariant([first, second], able);
    assert.equal(value, first);
    assert.equal(reason, "first was measured to be the best of 2 variants.");
    assert.equal(chooseVariant([second], able).reason, "second is the model's only variant.");
  });

  it("takes the one that is asked for", () => {
    const { value, reason } = chooseVariant([first, second], able, "second");
    assert.equal(value, second);
    assert.equal(reason, "second was asked for.");
  });

  it("refuses one that is not there", () => {
    const message = 'The model has no variant "third". It has: first, second.';
    assert.throws(() => chooseVariant([first, second], able, "third"), { code: "input-invalid", message });
  });

  it("says what the browser lacks", () => {
    const unable = { ...able, simd: false };
    assert.throws(() => chooseVariant([first], unable), {
      code: "unsupported",
      message: /lacks WebAssembly SIMD.*Chrome 91/,
    });
    assert.throws(() => chooseVariant([first], unable, "first"), { code: "unsupported" });
    const old = { ...able, gunzip: false };
    assert.throws(() => chooseVariant([first], old), { code: "unsupported", message: /lacks decompression of gzip/ });
  });
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
      const choice = chooseThreads(capabilities, most);
      assert.equal(choice.value, threads);
      assert.match(choice.reason, reason);
    });
  }

  for (const most of [0, -1, 1.5, Number.NaN, "2"]) {
    it(`refuses ${most} threads`, () => assert.throws(() => chooseThreads(able, most), { code: "input-invalid" }));
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
