// Runs of a loaded model: one after another, checked, timed, with the engine's failures in words.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "./typescript.mjs";

const { Runner } = await import("../src/worker/runner.ts");
const { readSample } = await import("../src/worker/sample.ts");

const signature = {
  inputs: [{ name: "x", dtype: "float32", shape: ["n"] }],
  outputs: [{ name: "y", dtype: "float32", shape: ["n"] }],
};
const vector = (...values) => ({ data: Float32Array.from(values), dims: [values.length] });
const { signal } = new AbortController();
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

/** An engine that doubles, and notes what it does. */
function doubling(log = []) {
  const infer = async ({ x }) => {
    log.push(`start ${x.data[0]}`);
    await pause();
    log.push(`end ${x.data[0]}`);
    return { y: { data: x.data.map((value) => 2 * value), dims: x.dims } };
  };
  return { threads: 1, infer, dispose: async () => void log.push("disposed") };
}

const noOther = async () => null;

const steps = {
  preprocess: async (text) => ({ x: vector(...text.split(" ").map(Number)) }),
  postprocess: (outputs, inputs) => [...inputs.x.data, ...outputs.y.data],
};

describe("Runner", () => {
  it("infers", async () => {
    const runner = new Runner(doubling(), signature, steps, noOther);
    const { output, times } = await runner.infer({ x: vector(1, 2) }, signal);
    assert.deepEqual(output, { y: vector(2, 4) });
    assert.ok(times.infer >= 4 && times.preprocess === 0 && times.postprocess === 0);
  });

  it("runs the task's steps around the engine", async () => {
    const runner = new Runner(doubling(), signature, steps, noOther);
    assert.deepEqual((await runner.run("3 4", signal)).output, [3, 4, 6, 8]);
  });

  it("takes one run after another, and goes on after a failure", async () => {
    const log = [];
    const runner = new Runner(doubling(log), signature, steps, noOther);
    const runs = [
      runner.infer({ x: vector(1) }, signal),
      runner.infer({}, signal),
      runner.run("2", signal),
      runner.dispose(),
    ];
    const ends = await Promise.allSettled(runs);
    assert.deepEqual(
      ends.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled", "fulfilled"],
    );
    assert.deepEqual(log, ["start 1", "end 1", "start 2", "end 2", "disposed"]);
  });

  it("drops a run that is aborted while it waits", async () => {
    const log = [];
    const control = new AbortController();
    const runner = new Runner(doubling(log), signature, steps, noOther);
    const [first, second] = [runner.infer({ x: vector(1) }, signal), runner.infer({ x: vector(2) }, control.signal)];
    control.abort();
    await assert.rejects(second, { code: "aborted" });
    await first;
    assert.deepEqual(log, ["start 1", "end 1"]);
  });

  it("goes on with another session, and with the very run that failed", async () => {
    const lost = { ...doubling(), infer: () => Promise.reject(new Error("card lost")) };
    const failures = [];
    const recover = async (failure) => {
      failures.push(failure.message);
      return failures.length === 1 ? lost : doubling();
    };
    const runner = new Runner(lost, signature, steps, recover);
    assert.deepEqual((await runner.infer({ x: vector(3) }, signal)).output, { y: vector(6) });
    assert.deepEqual((await runner.infer({ x: vector(4) }, signal)).output, { y: vector(8) });
    assert.deepEqual(failures, ["The model could not be run: card lost", "The model could not be run: card lost"]);
  });

  const failures = [
    ["an error", new Error("bad node"), "engine-failed", /could not be run: bad node/],
    ["a number, as some engines throw", 6_512_345, "engine-failed", /6512345/],
    ["exhausted memory", new RangeError("Array buffer allocation failed"), "out-of-memory", /memory ran out/],
    ["exhausted memory inside", new Error("std::bad_alloc"), "out-of-memory", /memory ran out/],
  ];
  for (const [what, thrown, code, message] of failures) {
    it(`puts into words ${what}`, async () => {
      const engine = { ...doubling(), infer: () => Promise.reject(thrown) };
      await assert.rejects(new Runner(engine, signature, steps, noOther).infer({ x: vector(1) }, signal), {
        code,
        message,
        cause: thrown,
      });
    });
  }
});

describe("readSample", () => {
  const sample = { kind: "tensors", name: "one", tensors: [{ name: "x", dims: [2], content: "its content" }] };
  const manifest = { signature, samples: [{ kind: "text", text: "one" }, sample] };
  const read = async (content) => {
    assert.equal(content, "its content");
    return new Uint8Array(Float32Array.of(5, 6).buffer);
  };

  it("gives tensors of the signature's dtypes", async () => {
    assert.deepEqual(await readSample("one", manifest, read), { x: vector(5, 6) });
  });

  it("names the samples that there are", async () => {
    const message = 'The bundle has no sample of tensors named "two". It has: "one".';
    await assert.rejects(readSample("two", manifest, read), { code: "input-invalid", message });
  });
});
