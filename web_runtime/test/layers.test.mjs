// The layers: shared ← page | worker | sw, which never import one another; engines import only shared; and nothing goes in a circle.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

/** What each folder may import besides itself. */
const allowed = { shared: [], page: ["shared"], worker: ["shared"], sw: ["shared"], engines: ["shared"] };

const layerOf = (path) => (path.startsWith("engines/") ? "engines" : path.split("/")[1]);

async function sources(folder) {
  const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith(".ts"));
  return files.map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length));
}

/** Path → what it imports: our own files as paths, packages by name; types only or not. */
async function importsOf(path) {
  const text = await readFile(join(root, path), "utf8");
  const statements = text.matchAll(/^(?:import|export)\s+(type\s)?[\w*{},\s]*?from\s+"([^"]+)"/gm);
  const bare = text.matchAll(/(?:^import\s+|\bimport\()()"([^"]+)"/gm);
  return [...statements, ...bare].map(([, type, target]) => ({
    target: target.startsWith(".") ? join(dirname(path), target.replace(/\.js$/, ".ts")) : target,
    own: target.startsWith("."),
    typeOnly: Boolean(type),
  }));
}

const paths = [...(await sources("src")), ...(await sources("engines"))];
const imports = new Map(await Promise.all(paths.map(async (path) => [path, await importsOf(path)])));

describe("layers", () => {
  it("sees the files and their imports", () => {
    assert.ok(paths.length > 30);
    assert.ok(imports.get("src/worker/main.ts").some(({ target }) => target === "src/worker/pipeline.ts"));
    assert.ok(
      imports.get("src/worker/shards/verify.ts").some(({ target }) => target === "src/worker/shards/sha256.ts"),
    );
  });

  for (const path of paths) {
    it(`${path} imports only what its layer may`, () => {
      for (const { target, own } of imports.get(path)) {
        if (!own) continue;
        assert.ok(imports.has(target), `${path} imports ${target}, which is not there`);
        const layer = layerOf(path);
        assert.ok([layer, ...allowed[layer]].includes(layerOf(target)), `${path} imports ${target}`);
      }
    });
  }

  it("has no circles among what runs", () => {
    const done = new Set();
    const visit = (path, trail) => {
      assert.ok(!trail.includes(path), `a circle: ${[...trail, path].join(" → ")}`);
      if (done.has(path)) return;
      for (const { target, own, typeOnly } of imports.get(path)) if (own && !typeOnly) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const path of paths) visit(path, []);
  });

  it("keeps errors a leaf", () => assert.deepEqual(imports.get("src/shared/errors.ts"), []));
});
