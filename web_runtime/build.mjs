// Builds packager/web/: the page assets that `packager build` copies into bundles, and assets.json, their index.
// Everything is made in memory first, so that a failed build leaves the old assets as they were.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { declarations } from "./declarations.mjs";
import { licenses } from "./licenses.mjs";
import { checkSizes } from "./sizes.mjs";
import { tensorflow } from "./tensorflow.mjs";
import { tokenizersUsed } from "./tokenizers.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const out = `${root}packager/web`;
const ort = `${root}node_modules/onnxruntime-web`;

/** Path in packager/web/ → bytes. */
const outputs = new Map();

const options = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
  write: false,
};

/** Bundles one entry and gives its bytes. */
async function bundle(entry, extra = {}) {
  const { outputFiles } = await esbuild.build({ ...options, entryPoints: [entry], outdir: out, ...extra });
  return outputFiles[0].contents;
}

/** Puts bytes under assets/ with their hash in the name, and gives the path. */
function addAsset(name, bytes) {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const extension = extname(name);
  const path = `assets/${basename(name, extension)}-${hash}${extension}`;
  outputs.set(path, bytes);
  return path;
}

/** Makes each dynamically imported file of ours a file of its own beside the importer, fetched when first needed. */
function chunks(found) {
  return {
    name: "chunks",
    setup(build) {
      build.onResolve({ filter: /^\./ }, async ({ kind, path, resolveDir, importer }) => {
        if (kind !== "dynamic-import") return undefined;
        const resolved = await build.resolve(path, { kind: "import-statement", resolveDir, importer });
        if (resolved.errors.length > 0) return resolved;
        const name = basename(resolved.path, ".ts");
        found[name] ??= addAsset(`${name}.js`, await bundle(resolved.path, { plugins: [tokenizersUsed] }));
        return { path: `./${basename(found[name])}`, external: true };
      });
    },
  };
}

/** The demo runs beside packager.js and imports it from there, so that a page holds one runtime. */
const runtimeBeside = {
  name: "runtime-beside",
  setup(build) {
    build.onResolve({ filter: /\/packager\.js$/ }, () => ({ path: "../packager.js", external: true }));
  },
};

/** The script, which must have these placeholders: `packager build` fills them in. */
function filledIn(name, script, placeholders) {
  const lacks = placeholders.find((placeholder) => !Buffer.from(script).includes(placeholder));
  if (lacks) throw new Error(`${name} lacks the placeholder ${lacks}, which packager fills in`);
  return script;
}

async function buildRuntime(files) {
  const worker = await bundle("web_runtime/src/worker/main.ts", { plugins: [chunks(files)] });
  files.worker = addAsset("worker.js", worker);
  const define = { WORKER_URL: JSON.stringify(`./${files.worker}`) };
  const page = await bundle("web_runtime/src/page/index.ts", { define });
  outputs.set("packager.js", filledIn("packager.js", page, ["__PUBLIC_KEY__"]));
  // A classic script: module service workers are not in every current browser.
  const sw = await bundle("web_runtime/src/sw/main.ts", { format: "iife" });
  outputs.set("sw.js", filledIn("sw.js", sw, ["__BUNDLE_ID__", "__MANIFEST_SHA256__", '"__HEADERS__"']));
  outputs.set("packager.d.ts", Buffer.from(await declarations(root)));
  Object.assign(files, { page: "packager.js", sw: "sw.js", types: "packager.d.ts" });
}

async function buildDemo(files) {
  files.app = addAsset("app.js", await bundle("demo_site/src/app.ts", { plugins: [runtimeBeside] }));
  files.style = addAsset("style.css", await bundle("demo_site/style.css"));
  outputs.set("index.html", await readFile(`${root}demo_site/index.html`));
  files.index = "index.html";
}

/** An engine made of ONNX Runtime Web: our script around its API, and one of its builds. */
async function buildOrt(target, build) {
  const { version } = JSON.parse(await readFile(`${ort}/package.json`, "utf8"));
  // The condition picks the API without the module's glue inside: the glue is a file of its own, which starts the threads.
  const conditions = ["onnxruntime-web-use-extern-wasm"];
  const script = await bundle(`web_runtime/engines/${target}.ts`, { conditions });
  const module = `engines/${build}.wasm`;
  outputs.set(module, await readFile(`${ort}/dist/${build}.wasm`));
  const glue = addAsset(`${build}.mjs`, await readFile(`${ort}/dist/${build}.mjs`));
  return { version, script: addAsset(`${target}.js`, script), glue, module };
}

/** Builds of our own engine's module, the best first, with what each needs of a browser. */
const kernelBuilds = {
  "relaxed-threads": ["relaxed-simd", "threads"],
  relaxed: ["relaxed-simd"],
  "simd128-threads": ["threads"],
  simd128: [],
};

async function buildWasm() {
  const { version } = JSON.parse(await readFile(`${root}package.json`, "utf8"));
  const modules = [];
  for (const [name, needs] of Object.entries(kernelBuilds)) {
    const path = `engines/kernels-${name}.wasm`;
    outputs.set(path, await readFile(`${root}web_runtime/engines/wasm/prebuilt/${name}.wasm`));
    modules.push({ needs, path });
  }
  return { version, script: addAsset("wasm.js", await bundle("web_runtime/engines/wasm/index.ts")), modules };
}

async function buildWebgl() {
  const { version } = JSON.parse(await readFile(`${root}node_modules/@tensorflow/tfjs-core/package.json`, "utf8"));
  const script = await bundle("web_runtime/engines/webgl/index.ts", { plugins: [tensorflow] });
  if (/\beval\(|new Function\b/.test(Buffer.from(script).toString()))
    throw new Error("webgl.js makes code from text, which a content security policy forbids.");
  return { version, script: addAsset("webgl.js", script) };
}

async function write() {
  const fresh = `${out}.new`;
  await rm(fresh, { recursive: true, force: true });
  for (const [path, bytes] of outputs) {
    await mkdir(dirname(`${fresh}/${path}`), { recursive: true });
    await writeFile(`${fresh}/${path}`, bytes);
  }
  await rm(out, { recursive: true, force: true });
  await rename(fresh, out);
}

const files = {};
await buildRuntime(files);
await buildDemo(files);
const engines = {
  wasm: await buildWasm(),
  "ort-wasm": await buildOrt("ort-wasm", "ort-wasm-simd-threaded"),
  webgpu: await buildOrt("webgpu", "ort-wasm-simd-threaded.asyncify"),
  webgl: await buildWebgl(),
};
checkSizes(outputs, { files, engines });
outputs.set("licenses.txt", Buffer.from(await licenses(root)));
files.licenses = "licenses.txt";
const index = { files, engines };
outputs.set("assets.json", Buffer.from(`${JSON.stringify(index, null, 2)}\n`));
await write();
console.log(`Wrote ${outputs.size} files to ${relative(process.cwd(), out) || out}.`);
