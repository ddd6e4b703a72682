// The kept examples of manifests: what one may be, and every way in which it can be wrong. Python's tests read the same files.
import "./typescript.mjs";
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";

const { manifestSchema } = await import("../src/shared/schema.gen.ts");
const { firstMisfit } = await import("../src/worker/consistency.ts");
const { parseManifest } = await import("../src/worker/manifest.ts");
const { firstWrong } = await import("../src/worker/validate.ts");

const folder = new URL("../../tests/manifests/", import.meta.url);
const examples = (kind) => readdirSync(new URL(kind, folder)).map((file) => file.replace(/\.json$/, ""));
const read = (path) => readFileSync(new URL(path, folder), "utf8");
const faults = JSON.parse(read("faults.json"));

describe("manifests that are valid", () => {
  for (const name of examples("valid")) {
    it(name, () => {
      const text = read(`valid/${name}.json`);
      assert.deepEqual(parseManifest(text, "here"), JSON.parse(text));
    });
  }
});

describe("manifests that are not", () => {
  it("every example has its fault", () => assert.deepEqual(examples("invalid").sort(), Object.keys(faults).sort()));

  for (const [name, place] of Object.entries(faults)) {
    it(name, () => {
      const text = read(`invalid/${name}.json`);
      const code = name === "newer-version" ? "manifest-version" : "manifest-invalid";
      assert.throws(() => parseManifest(text, "here"), { name: "PackagerError", code, message: /^here / });
      if (place === null) return; // not even JSON
      const value = JSON.parse(text);
      const wrong = firstWrong(value, manifestSchema) ?? firstMisfit(value);
      assert.equal(wrong.path, place, wrong.what);
    });
  }
});
