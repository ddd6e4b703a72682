// The manifest: how it is fetched, with which words it is refused, and that the small validator judges as a full one does.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import Ajv2020 from "ajv/dist/2020.js";
import { seeded } from "./cases.mjs";
import "./typescript.mjs";

const { parseManifest, fetchManifest } = await import("../src/worker/manifest.ts");
const { firstWrong } = await import("../src/worker/validate.ts");
const { manifestSchema } = await import("../src/shared/schema.gen.ts");

const shard = { sha256: "0".repeat(64), encoded_bytes: 3, decoded_bytes: 4, encoding: "gzip", filter: "none" };
const tensor = { ...shard, sha256: "1".repeat(64), decoded_bytes: 24 };
const file = (path) => ({ path, bytes: 1, sha256: shard.sha256, role: "engine" });
const parity = {
  proof: "browser",
  runner: "Chromium 1",
  samples: 1,
  generated: true,
  tolerance: 0.1,
  outputs: [{ name: "y", max_abs: 0, relative: 0, cosine: 1, top1: null }],
};
const variant = {
  id: "ort-wasm-fp32",
  target: "ort-wasm",
  precision: "fp32",
  graph: [shard],
  weights: [{ location: "w", content: [shard] }],
  parity,
};
const manifest = {
  format: "packager",
  version: 1,
  id: "a".repeat(64),
  name: "a model",
  generator: "packager 0",
  task: {
    kind: "text-embedding",
    preprocess: {
      tokenizer: [shard],
      max_length: 9,
      pad_to: null,
      pad_id: 0,
      inputs: { ids: "x", mask: null, types: null },
    },
    postprocess: { output: "y", pooling: "mean", normalize: true },
  },
  signature: {
    inputs: [{ name: "x", dtype: "int64", shape: ["batch", 3] }],
    outputs: [{ name: "y", dtype: "float32", shape: [] }],
  },
  engines: { "ort-wasm": { version: "1", script: "assets/e.js", glue: "assets/g.mjs", module: [shard] } },
  variants: [variant],
  samples: [
    { kind: "text", text: "hello" },
    { kind: "tensors", name: "s", tensors: [{ name: "x", dims: [1, 3], content: [tensor] }] },
  ],
  files: [file("assets/e.js"), file("assets/g.mjs")],
};

const where = "https://host.test/manifest.json";
const parse = (value) => parseManifest(JSON.stringify(value), where);

describe("parseManifest", () => {
  it("accepts a valid one", () => assert.deepEqual(parse(manifest), manifest));

  const texts = [
    ["no JSON", "{", /manifest\.json is not a valid manifest: it is not JSON\. Build the bundle again/],
    ["a web page", "  <!doctype html>", /not JSON: the server sent a web page in its place/],
    ["null", "null", /the top level must be of the type object/],
    ["another JSON", "{}", /the top level must have "format"/],
  ];
  for (const [what, text, message] of texts) {
    it(`refuses ${what}`, () => assert.throws(() => parseManifest(text, where), { code: "manifest-invalid", message }));
  }

  const changes = [
    ["an unknown field", (m) => Object.assign(m, { extra: 1 }), /the top level must not have "extra"/],
    ["a name that objects inherit", (m) => Object.assign(m, { toString: 1 }), /must not have "toString"/],
    ["a missing field", (m) => delete m.variants[0].graph, /\/variants\/0 must have "graph"/],
    [
      "an unknown target",
      (m) => Object.assign(m.variants[0], { target: "abacus" }),
      /\/target must be one of \["wasm","ort-wasm","webgpu","webgl"\]/,
    ],
    [
      "a hash that is none",
      (m) => Object.assign(m.files[0], { sha256: "A".repeat(64) }),
      /\/files\/0\/sha256 must match/,
    ],
    [
      "a path that leaves the bundle",
      (m) => Object.assign(m.files[0], { path: "../x" }),
      /\/files\/0\/path must match/,
    ],
    ["half a byte", (m) => Object.assign(m.files[0], { bytes: 1.5 }), /\/files\/0\/bytes must be of the type integer/],
    ["no variants", (m) => Object.assign(m, { variants: [] }), /\/variants must have from 1 to 64 entries/],
    ["a task that lacks something", (m) => delete m.task.postprocess, /\/task must have "postprocess"/],
    [
      "a wrong value in a task",
      (m) => Object.assign(m.task.preprocess, { max_length: 0 }),
      /\/max_length must be at least 1/,
    ],
    ["a dim of no kind", (m) => m.signature.inputs[0].shape.push(null), /\/shape\/2 must be of the type integer, or/],
    [
      "parts that do not fit",
      (m) => Object.assign(m, { engines: {} }),
      /\/variants\/0\/target must be one of the engines/,
    ],
  ];
  for (const [what, change, message] of changes) {
    it(`refuses ${what}`, () => {
      const changed = structuredClone(manifest);
      change(changed);
      assert.throws(() => parse(changed), { code: "manifest-invalid", message });
    });
  }

  it("tells a newer version from a wrong one", () => {
    assert.throws(() => parse({ ...manifest, version: 2, more: 1 }), {
      code: "manifest-version",
      message: /version 2/,
    });
    assert.throws(() => parse({ ...manifest, version: 0 }), { code: "manifest-invalid" });
  });
});

describe("fetchManifest", () => {
  const { signal } = new AbortController();
  const answering = (answers) => async () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return new Response(answer === 200 ? JSON.stringify(manifest) : "", { status: answer });
  };

  it("asks the server each time", async (test) => {
    const fetched = test.mock.method(globalThis, "fetch", answering([200]));
    assert.deepEqual(await fetchManifest(where, signal), manifest);
    assert.equal(fetched.mock.calls[0].arguments[1].cache, "no-cache");
  });

  it("tries again when the connection or the server fails", async (test) => {
    test.mock.method(globalThis, "fetch", answering([new TypeError("network"), 503, 200]));
    assert.deepEqual(await fetchManifest(where, signal), manifest);
  });

  it("takes no for an answer", async (test) => {
    const fetched = test.mock.method(globalThis, "fetch", answering([404]));
    await assert.rejects(fetchManifest(where, signal), { code: "manifest-unreachable", message: /answered 404/ });
    assert.equal(fetched.mock.callCount(), 1);
  });
});

describe("firstWrong", () => {
  const full = new Ajv2020({ allowUnionTypes: true }).compile(structuredClone(manifestSchema));
  const random = seeded(3);
  const below = (limit) => Math.floor(random() * limit);
  const values = [
    null,
    true,
    0,
    -1,
    1,
    2.5,
    1e300,
    "",
    "x",
    "0".repeat(64),
    "assets/a.js",
    [],
    {},
    [[]],
    { kind: "tensor" },
  ];

  const changes = [
    (holder, key) => {
      holder[key] = values[below(values.length)];
    },
    (holder, key) => (Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key]),
    (holder, key) => {
      const copy = structuredClone(holder[key]);
      holder[Array.isArray(holder) ? holder.length : `${key}2`] = copy;
    },
    (holder, key) => {
      holder[key] = typeof holder[key] === "number" ? -holder[key] : [holder[key]];
    },
  ];

  /** A copy with one part, anywhere, replaced, removed, doubled or wrapped. */
  function mutate(value) {
    const copy = structuredClone(value);
    let holder = copy;
    for (let keys = Object.keys(holder); keys.length > 0; keys = Object.keys(holder)) {
      const key = keys[below(keys.length)];
      if (typeof holder[key] === "object" && holder[key] !== null && random() < 0.75) {
        holder = holder[key];
        continue;
      }
      changes[below(changes.length)](holder, key);
      break;
    }
    return copy;
  }

  it("judges as a full validator does, whatever is changed", () => {
    let refused = 0;
    for (let round = 0; round < 20_000; round++) {
      let value = mutate(manifest);
      while (random() < 0.3) value = mutate(value);
      const wrong = firstWrong(value, manifestSchema);
      assert.equal(wrong === null, full(value), JSON.stringify({ value, wrong, errors: full.errors }));
      if (wrong) refused++;
    }
    assert.ok(refused > 5000 && refused < 20_000, `${refused}`);
  });

  it("knows every word that the schema uses", () => {
    const known = new Set([
      ...["$ref", "$defs", "type", "const", "enum", "oneOf", "anyOf", "properties", "required", "additionalProperties"],
      ...[
        "items",
        "minItems",
        "maxItems",
        "minLength",
        "maxLength",
        "pattern",
        "minimum",
        "exclusiveMinimum",
        "maximum",
      ],
    ]);
    const visit = (schema) => {
      for (const [word, value] of Object.entries(schema)) {
        assert.ok(known.has(word), `validate.ts does not know "${word}"`);
        if (["properties", "$defs", "oneOf", "anyOf"].includes(word)) Object.values(value).forEach(visit);
        else if (word === "items") visit(value);
      }
    };
    visit(manifestSchema);
  });
});
