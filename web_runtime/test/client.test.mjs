// The page's end of the worker, with a worker that the test plays.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import "./typescript.mjs";

/** What the worker was sent, and the worker itself. */
let sent;
let worker;

globalThis.WORKER_URL = "./assets/worker-0.js";
globalThis.Worker = class {
  constructor(url, options) {
    Object.assign(this, { url, options, terminated: false });
    worker = this;
  }
  postMessage(message, transfer) {
    structuredClone(message, { transfer });
    sent.push(message);
  }
  terminate() {
    this.terminated = true;
  }
};
const answer = (data) => worker.onmessage({ data });
const crash = (message, error) => worker.onerror({ message, error, preventDefault: () => undefined });

const { Client } = await import("../src/page/client.ts");
const { PackagerError, toErrorData } = await import("../src/shared/errors.ts");

const tensors = () => ({ x: { data: new Float32Array(3), dims: [3] } });

describe("Client", () => {
  let client;
  beforeEach(() => {
    sent = [];
    client = new Client();
  });

  it("starts a module worker beside the runtime", () => {
    assert.match(worker.url.href, /assets\/worker-0\.js$/);
    assert.equal(worker.options.type, "module");
  });

  it("settles each call with its own answer", async () => {
    const calls = [client.call("sample", "a"), client.call("sample", "b")];
    assert.deepEqual(
      sent.map(({ id, call, params }) => [id, call, params]),
      [
        [1, "sample", "a"],
        [2, "sample", "b"],
      ],
    );
    answer({ type: "result", id: 2, call: "sample", result: "for b" });
    answer({ type: "result", id: 1, call: "sample", result: "for a" });
    assert.deepEqual(await Promise.all(calls), ["for a", "for b"]);
  });

  it("rebuilds errors with their code and causes", async () => {
    const call = client.call("sample", "a");
    const cause = new PackagerError("shard-corrupt", "deep", { cause: new TypeError("deeper") });
    answer({
      type: "error",
      id: 1,
      error: structuredClone(toErrorData(new PackagerError("engine-failed", "what", { cause }))),
    });
    const error = await call.catch((reason) => reason);
    assert.ok(error instanceof PackagerError);
    assert.deepEqual([error.code, error.message, error.name], ["engine-failed", "what", "PackagerError"]);
    assert.deepEqual([error.cause.code, error.cause.cause.message], ["shard-corrupt", "deeper"]);
  });

  it("passes progress to the load that it is about, and news to the model", async () => {
    const seen = [];
    const loading = client.load("https://host.test/manifest.json", { onProgress: (progress) => seen.push(progress) });
    assert.deepEqual(sent[0].params.manifestUrl, "https://host.test/manifest.json");
    answer({ type: "progress", id: 1, progress: "half" });
    answer({ type: "progress", id: 9, progress: "of another" });
    answer({ type: "result", id: 1, call: "load", result: { info: "info", manifest: "manifest" } });
    assert.deepEqual(await loading, { info: "info", manifest: "manifest" });
    answer({ type: "progress", id: 1, progress: "late" });
    client.onInfo = (info) => seen.push(info);
    answer({ type: "info", info: "news" });
    assert.deepEqual(seen, ["half", "news"]);
  });

  it("gives up on a call at once when its signal fires, and tells the worker", async () => {
    const control = new AbortController();
    const call = client.call("infer", tensors(), { signal: control.signal });
    control.abort(new Error("enough"));
    await assert.rejects(call, { code: "aborted", cause: new Error("enough") });
    assert.deepEqual(sent[1], { type: "abort", id: 1 });
    answer({ type: "result", id: 1, call: "infer", result: "late" });
    await assert.rejects(client.call("infer", tensors(), { signal: control.signal }), { code: "aborted" });
    assert.equal(sent.length, 2);
  });

  it("copies inputs, and moves what it is told to move", async () => {
    const inputs = tensors();
    client.call("infer", inputs).catch(() => undefined);
    assert.equal(inputs.x.data.length, 3);
    client.call("infer", inputs, { transfer: [inputs.x.data.buffer] }).catch(() => undefined);
    assert.equal(inputs.x.data.length, 0);
  });

  it("says so when something cannot be sent", async () => {
    await assert.rejects(client.call("infer", { x: () => 1 }), { code: "input-invalid", message: /cannot be copied/ });
  });

  it("rejects all calls, those to come too, when the worker dies", async () => {
    const call = client.call("sample", "a");
    const error = new Error("boom");
    crash("Uncaught Error: boom", error);
    await assert.rejects(call, { code: "worker-failed", message: /stopped: Uncaught Error: boom/, cause: error });
    await assert.rejects(client.call("sample", "b"), { code: "worker-failed" });
    assert.ok(worker.terminated);
  });

  it("fetches a script that did not start past the HTTP cache", async (test) => {
    const fetched = test.mock.method(globalThis, "fetch", async () => new Response(""));
    const call = client.call("sample", "a");
    crash("");
    await assert.rejects(call, { code: "worker-failed", message: /worker-0\.js could not be started/ });
    assert.equal(await client.refresh(), true);
    assert.equal(fetched.mock.calls[0].arguments[1].cache, "reload");
  });

  it("gives up on a worker whose script does not come, and not on one that is at work", async () => {
    const loading = client.load("https://host.test/manifest.json", { timeout: 10 });
    await assert.rejects(loading, { code: "worker-failed", message: /worker-0\.js could not be started/ });
    assert.equal(worker.terminated, true);
    client = new Client();
    const other = client.load("https://host.test/manifest.json", { timeout: 10 });
    answer({ type: "progress", id: 1, progress: {} });
    await new Promise((resolve) => setTimeout(resolve, 100));
    answer({ type: "result", id: 1, call: "load", result: "loaded" });
    assert.equal(await other, "loaded");
  });

  it("does not fetch the script of a worker that ran", async () => {
    answer({ type: "info", info: "news" });
    crash("Uncaught RangeError");
    assert.equal(await client.refresh(), false);
  });

  it("lets the worker finish before it ends it", async () => {
    const waiting = client.call("sample", "a");
    const ending = client.dispose();
    await assert.rejects(waiting, { code: "disposed" });
    await assert.rejects(client.call("sample", "b"), { code: "disposed" });
    assert.deepEqual(
      sent.map(({ call }) => call),
      ["sample", "dispose"],
    );
    assert.ok(!worker.terminated);
    answer({ type: "result", id: 2, call: "dispose", result: null });
    await ending;
    assert.ok(worker.terminated);
    await client.dispose();
  });
});
