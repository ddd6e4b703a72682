// packager.d.ts: that it stands alone, and that a page with a bundle's types is told what is wrong with its tensors.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { declarations, marker } from "../declarations.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const text = await declarations(root);
const [head, anyModel] = text.split(marker);

/** As `packager build` ends the file. */
const ownModel = `
type ModelTask = "text-embedding";
interface Inputs {
  /** [batch, tokens] */
  "input_ids": Tensor<"int64">;
  "scale": Tensor<"float32">;
}
interface Outputs {
  "logits": Tensor<"float32">;
}
`;

const page = `
import { enableOffline, load, PackagerError } from "./packager.js";
import type { ModelInfo, Progress } from "./packager.js";

const model = await load("./manifest.json", { onProgress: (progress: Progress) => console.log(progress.loaded) });
const info: ModelInfo = model.info;
const vectors: Float32Array[] = await model.run(["a", "b"]);
const scale = { data: new Float32Array(1), dims: [1] };
const input_ids = { data: new BigInt64Array(3), dims: [1, 3] };
const { logits } = await model.infer({ input_ids, scale });
const first: number | undefined = logits.data[0];
const again: bigint | undefined = (await model.sample("one")).input_ids.data[0];
try { await model.dispose(); } catch (error) { if (error instanceof PackagerError) console.log(error.code === "disposed"); }
console.log(info.threads, vectors, first, again, enableOffline, model.manifest.task.kind, model.lastRun?.infer);
`;

const mistakes = {
  "another dtype": "await model.infer({ scale, input_ids: { data: new Int32Array(3), dims: [1, 3] } });",
  "a missing input": "await model.infer({ scale });",
  "an input that is not there": "await model.infer({ scale, input_ids, mask: scale });",
  "an output that is not there": "(await model.infer({ scale, input_ids })).probabilities;",
  "another task's input": "await model.run(document.body);",
  "a code that is not there": 'new PackagerError("oops", "");',
  "a name that is internal": 'import { toErrorData } from "./packager.js"; toErrorData;',
};

const folder = await mkdtemp(join(tmpdir(), "packager-types-test-"));
after(() => rm(folder, { recursive: true }));

async function check(types, code) {
  await writeFile(join(folder, "packager.d.ts"), types);
  await writeFile(join(folder, "page.ts"), code);
  const flags = [
    "--noEmit",
    "--strict",
    "--target",
    "es2022",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
    "--lib",
    "es2022,dom",
  ];
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...flags, "page.ts"], { cwd: folder, encoding: "utf8" });
  return { status, stdout };
}

describe("packager.d.ts", () => {
  it("imports nothing", () => assert.doesNotMatch(text, /\bfrom\s+"|\bimport\(/));

  it("ends with the model's part", () =>
    assert.deepEqual(anyModel.match(/type (\w+)/g), ["type ModelTask", "type Inputs", "type Outputs"]));

  it("fits a page that uses its model rightly", async () => {
    const { status, stdout } = await check(head + marker + ownModel, page);
    assert.equal(stdout, "");
    assert.equal(status, 0);
  });

  for (const [what, line] of Object.entries(mistakes)) {
    it(`refuses ${what}`, async () => {
      const { status, stdout } = await check(head + marker + ownModel, `${page}${line}\n`);
      assert.notEqual(status, 0);
      assert.equal(stdout.match(/error TS/g)?.length, 1, stdout);
    });
  }

  it("fits any model before a bundle narrows it", async () => {
    const code = `
      import { load } from "./packager.js";
      const model = await load<"tensor">();
      const { y } = await model.infer({ x: { data: new Uint8Array(1), dims: [] } });
      console.log(y?.dims, (await model.run({}))["y"]);`;
    assert.equal((await check(text, code)).stdout, "");
  });
});
