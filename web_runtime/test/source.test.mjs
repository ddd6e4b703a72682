// Contents from their shards, with the network and the store in memory.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { beforeEach, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { shuffle, strides } from "./cases.mjs";
import "./typescript.mjs";

const { Keeper } = await import("../src/worker/shards/keeper.ts");
const { Meter } = await import("../src/worker/meter.ts");
const { shardPath } = await import("../src/shared/store.ts");
const { Source } = await import("../src/worker/shards/source.ts");
const { Trace } = await import("../src/worker/trace.ts");

// Without locks, as in browsers of old.
Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });

const base = "https://host.test/model/";
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Address → answers still to come; the last one stays. Each is bytes, a status, or a function that gives a Response. */
let network;
/** Every request: address and how the HTTP cache was to be used. */
let requests;
let stored;
let notes;
let progress;

globalThis.fetch = async (url, { cache }) => {
  requests.push([String(url), cache]);
  const answers = network.get(String(url)) ?? [404];
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  if (typeof answer === "function") return answer();
  return typeof answer === "number" ? new Response("", { status: answer }) : new Response(answer);
};

const memory = {
  kind: "cache",
  reason: "kept",
  read: async (sha) => (stored.has(sha) ? [stored.get(sha)] : null),
  write: async (sha, bytes) => void stored.set(sha, bytes.slice()),
  drop: async (sha) => void stored.delete(sha),
  reserve: async () => null,
  evict: async () => false,
};

beforeEach(() => {
  network = new Map();
  requests = [];
  stored = new Map();
  notes = [];
  progress = [];
});

const clock = { random: Math.random, sleep: async () => undefined };

/** A shard of these bytes, as the manifest gives it; its file is on the network. */
function shardOf(text, { encoding = "gzip", filter = "none" } = {}) {
  const bytes = new TextEncoder().encode(text);
  const filtered = shuffle(bytes, strides[filter]);
  const file = encoding === "gzip" ? new Uint8Array(gzipSync(filtered)) : filtered;
  const shard = { sha256: sha256(bytes), encoded_bytes: file.length, decoded_bytes: bytes.length, encoding, filter };
  network.set(base + shardPath(shard), [file]);
  return shard;
}

function newSource(store = memory) {
  const trace = new Trace(performance.timeOrigin);
  const keeper = new Keeper(store, trace);
  const meter = new Meter((report) => progress.push(report));
  const note = (sentence) => notes.push(sentence);
  return { source: new Source({ base, store, keeper, meter, trace, clock, note }), keeper, meter };
}

const { signal } = new AbortController();
const read = async (content, parts = newSource()) => {
  parts.meter.expect(content);
  const bytes = await parts.source.read(content, "weights", signal);
  await parts.keeper.idle();
  return new TextDecoder().decode(bytes);
};

describe("Source", () => {
  it("puts shards together in their order, whatever their coding", async () => {
    const content = [
      shardOf("one, "),
      shardOf("two, two", { filter: "shuffle4" }),
      shardOf(" three", { encoding: "none" }),
    ];
    assert.equal(await read(content), "one, two, two three");
    assert.deepEqual([...stored.keys()].sort(), content.map((shard) => shard.sha256).sort());
  });

  it("reads from the store without the network", async () => {
    const content = [shardOf("kept"), shardOf("too")];
    await read(content);
    requests.length = 0;
    const parts = newSource();
    assert.equal(await read(content, parts), "kepttoo");
    assert.deepEqual(requests, []);
    assert.deepEqual(parts.meter.bytes, { network: 0, cache: content[0].encoded_bytes + content[1].encoded_bytes });
  });

  it("drops a stored shard that is damaged, and fetches only that one anew", async () => {
    const content = [shardOf("good"), shardOf("bad")];
    await read(content);
    for (const damaged of ["bbd", "", "badbad"]) {
      stored.set(content[1].sha256, new TextEncoder().encode(damaged));
      requests.length = 0;
      assert.equal(await read(content), "goodbad");
      assert.deepEqual(
        requests.map(([url]) => url),
        [base + shardPath(content[1])],
      );
      assert.equal(new TextDecoder().decode(stored.get(content[1].sha256)), "bad");
    }
    assert.match(notes[0], /stored copy of shards\/\w+\.gzip\.bin was damaged/);
  });

  it("goes on when the store fails", async () => {
    const content = [shardOf("text")];
    const broken = {
      ...memory,
      read: async () => Promise.reject(new Error("disk")),
      drop: async () => Promise.reject(new Error("disk")),
    };
    assert.equal(await read(content, newSource(broken)), "text");
  });

  it("fetches past the HTTP cache after bad bytes, and keeps only good ones", async () => {
    const shard = shardOf("right", { encoding: "none" });
    network.get(base + shardPath(shard)).unshift(new TextEncoder().encode("wrong"));
    assert.equal(await read([shard]), "right");
    assert.deepEqual(
      requests.map(([, cache]) => cache),
      ["default", "reload"],
    );
    assert.equal(new TextDecoder().decode(stored.get(shard.sha256)), "right");
    assert.match(notes[0], /had to be fetched again: its SHA-256/);
    assert.deepEqual(progress.at(-1), { phase: "weights", loaded: 5, total: 5, cached: 0 });
  });

  it("ends in a coded error when bad bytes do not heal, and stores nothing of them", async () => {
    const shard = shardOf("right", { encoding: "none" });
    network.set(base + shardPath(shard), [new TextEncoder().encode("wrong")]);
    await assert.rejects(read([shard, shardOf("other")]), {
      code: "shard-corrupt",
      message: new RegExp(shardPath(shard)),
    });
    assert.ok(!stored.has(shard.sha256));
  });

  it("ends in a coded error when a shard cannot be had", async () => {
    const shard = shardOf("lost");
    network.set(base + shardPath(shard), [404]);
    await assert.rejects(read([shard]), { code: "shard-unreachable", message: /404.*Check the connection/ });
    assert.equal(requests.length, 4);
  });

  it("fetches a shard once that is named several times", async () => {
    const [a, b] = [shardOf("a"), shardOf("b")];
    const parts = newSource();
    const [first, second] = await Promise.all([read([a, b, a], parts), read([b, a], parts)]);
    assert.deepEqual([first, second], ["aba", "ba"]);
    assert.equal(requests.length, 2);
    assert.equal(parts.meter.bytes.network, a.encoded_bytes + b.encoded_bytes);
  });

  it("opens six connections at most", async () => {
    let open = 0;
    let most = 0;
    const content = Array.from({ length: 20 }, (_, i) => {
      const shard = shardOf(`shard ${i}`);
      const [file] = network.get(base + shardPath(shard));
      network.set(base + shardPath(shard), [
        async () => {
          most = Math.max(most, ++open);
          await new Promise((resolve) => setTimeout(resolve, 5));
          open--;
          return new Response(file);
        },
      ]);
      return shard;
    });
    await read(content);
    assert.equal(most, 6);
  });

  it("says so when memory is refused", async () => {
    const huge = { ...shardOf("x"), decoded_bytes: Number.MAX_SAFE_INTEGER };
    await assert.rejects(read([huge]), { code: "out-of-memory", message: /MiB of memory/ });
  });

  it("stops at an abort", async () => {
    const control = new AbortController();
    const shard = shardOf("x");
    network.set(base + shardPath(shard), [() => control.abort() ?? new Response("")]);
    const { source } = newSource();
    await assert.rejects(source.read([shard], "weights", control.signal), { code: "aborted" });
  });

  it("checks scripts against the manifest", async () => {
    const { source } = newSource();
    const bytes = new TextEncoder().encode("export {}");
    const file = { path: "assets/engine.js", bytes: bytes.length, sha256: sha256(bytes), role: "engine" };
    network.set(`${base}assets/engine.js`, [bytes]);
    await source.check(file, signal);
    network.set(`${base}assets/engine.js`, [new TextEncoder().encode("evil() //")]);
    await assert.rejects(source.check(file, signal), { code: "file-corrupt", message: /assets\/engine\.js/ });
    network.set(`${base}assets/engine.js`, [500]);
    await assert.rejects(source.check(file, signal), { code: "file-unreachable", message: /500/ });
  });
});

describe("shardPath", () => {
  it("leaves out what is none", () => {
    const sha = "a".repeat(64);
    const path = (encoding, filter) => shardPath({ sha256: sha, encoding, filter, encoded_bytes: 1, decoded_bytes: 1 });
    assert.equal(path("none", "none"), `shards/${sha}.bin`);
    assert.equal(path("gzip", "none"), `shards/${sha}.gzip.bin`);
    assert.equal(path("gzip", "shuffle4"), `shards/${sha}.shuffle4.gzip.bin`);
  });
});

describe("Keeper", () => {
  it("stops at the first refusal and says how much is left", async () => {
    const written = [];
    const full = {
      ...memory,
      write: async (sha) => {
        if (written.length === 2) throw new DOMException("no", "QuotaExceededError");
        written.push(sha);
      },
    };
    const keeper = new Keeper(full, new Trace(0));
    const done = [];
    for (const sha of ["a", "b", "c", "d"]) keeper.add(sha, new Uint8Array(1), () => done.push(sha));
    assert.deepEqual(keeper.state, { storage: "cache", storageReason: "kept" });
    await keeper.idle();
    assert.deepEqual(written, ["a", "b"]);
    assert.equal(keeper.state.storage, "memory");
    assert.match(keeper.state.storageReason, /storage is full, so at least 2 of the model's files/);
    keeper.add("e", new Uint8Array(1), () => done.push("e"));
    await keeper.idle();
    assert.deepEqual(written, ["a", "b"]);
    assert.deepEqual(done, ["a", "b", "c", "d", "e"]);
  });

  it("writes nothing of what there is no room for", async () => {
    const keeper = new Keeper({ ...memory, reserve: async () => "Too full." }, new Trace(0));
    keeper.reserve(base, []);
    keeper.add("a", new Uint8Array(1), () => undefined);
    await keeper.idle();
    assert.deepEqual([...stored.keys()], []);
    assert.deepEqual(keeper.state, { storage: "memory", storageReason: "Too full." });
  });
});
