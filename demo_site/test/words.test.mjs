// What the page says about a model: parity, phases, code to embed.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importSource } from "./import.mjs";

const { parityFigure, paritySentence } = await importSource("parity.ts");
const { phaseTimes } = await importSource("phases.ts");
const { embedCode } = await importSource("embed.ts");

const parity = (change = {}, output = {}) => ({
  proof: "browser",
  runner: "Chromium 156.0.8078.79",
  samples: 5,
  generated: false,
  tolerance: 0.001,
  outputs: [{ name: "y", max_abs: 0.0000012, relative: 0.000001, cosine: 1, top1: 1, ...output }],
  ...change,
});

describe("parity in words", () => {
  it("a browser", () => {
    assert.equal(parityFigure(parity()), "to 1.2e-6");
    const said = "Largest difference from the original model over 5 samples, proven in Chromium 156.";
    assert.equal(paritySentence(parity()), said);
  });
  it("no browser, made-up inputs", () => {
    const native = parity({ proof: "native", runner: "onnxruntime 1.23.0", samples: 1, generated: true });
    assert.match(paritySentence(native), /over 1 made-up input, proven with onnxruntime 1\.23\.0, not in a browser\.$/);
  });
  it("another first choice is not kept quiet", () => {
    assert.match(paritySentence(parity({}, { top1: 0.978 })), /Same first choice in 97\.8\u00a0% of rows\./);
  });
  it("the very same numbers", () => {
    assert.equal(parityFigure(parity({}, { max_abs: 0 })), "exact");
    assert.match(paritySentence(parity({}, { max_abs: 0 })), /^The very numbers of the original model over 5 samples/);
  });
});

it("phases last from their first to their last moment", () => {
  const trace = [
    { name: "manifest", start: 5, end: 17 },
    { name: "download", start: 20, end: 90 },
    { name: "verify", start: 90, end: 95 },
    { name: "download", start: 21, end: 80 },
    { name: "session", start: 50, end: 200 },
  ];
  assert.deepEqual(phaseTimes(trace), { manifest: 12, engine: null, weights: 75, start: 150 });
});

describe("code to embed", () => {
  const manifest = (kind, inputs = [], outputs = [{ name: "y", dtype: "float32", shape: [1] }]) => ({
    task: { kind },
    signature: { inputs, outputs },
    samples: [],
  });

  for (const kind of ["image-classification", "text-embedding", "tensor"]) {
    it(`${kind}: eight lines at most, from the bundle's folder, that parse`, async () => {
      const code = embedCode(manifest(kind, [{ name: "x", dtype: "int64", shape: ["N", 3] }]), "/models/a/");
      assert.ok(code.split("\n").length <= 9);
      assert.match(code, /from "\/models\/a\/packager\.js"/);
      assert.match(code, /load\("\/models\/a\/manifest\.json"\)/);
      const { transform } = await import("esbuild");
      await transform(code, { loader: "js", format: "esm", target: "es2022" });
    });
  }

  it("names that are no identifiers are quoted", () => {
    const inputs = [{ name: "in/put:0", dtype: "float32", shape: [2] }];
    const code = embedCode(manifest("tensor", inputs, [{ name: "out-0", dtype: "float32", shape: [1] }]), "/");
    assert.match(code, /"in\/put:0": \{ data: new Float32Array\(2\), dims: \[2\] \}/);
    assert.match(code, /outputs\["out-0"\]/);
  });

  it("no inputs", () => assert.match(embedCode(manifest("tensor"), "/"), /model\.infer\(\{\}\)/));
});
