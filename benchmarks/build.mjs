// Bundles each peer's page into the folder that the first argument names: PEER/index.html, PEER/page.js, PEER/wasm/*.
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = fileURLToPath(new URL("./", import.meta.url));
const [out] = process.argv.slice(2);
if (!out) throw new Error("Usage: node build.mjs FOLDER");

const modules = `${here}node_modules`;
const ort = `${modules}/onnxruntime-web/dist/ort-wasm-simd-threaded`;
const transformersOrt = `${modules}/@huggingface/transformers/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded`;
const tfjs = `${modules}/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm`;
const litert = `${modules}/@litertjs/core/wasm/litert_wasm`;

/** Peer → files that its engine fetches by name from beside the page. */
const peers = {
  packager: [],
  "ort-default": [`${ort}.jsep.mjs`, `${ort}.jsep.wasm`],
  "ort-wasm": [`${ort}.mjs`, `${ort}.wasm`],
  transformers: [`${transformersOrt}.asyncify.mjs`, `${transformersOrt}.asyncify.wasm`],
  "tfjs-wasm": [`${tfjs}.wasm`, `${tfjs}-simd.wasm`, `${tfjs}-threaded-simd.wasm`],
  "tfjs-webgl": [],
  litert: ["", "_compat", "_threaded"].flatMap((kind) => [
    `${litert}${kind}_internal.js`,
    `${litert}${kind}_internal.wasm`,
  ]),
};

for (const [peer, files] of Object.entries(peers)) {
  await mkdir(`${out}/${peer}/wasm`, { recursive: true });
  await esbuild.build({
    entryPoints: [`${here}peers/${peer}.ts`],
    outfile: `${out}/${peer}/page.js`,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    logLevel: "error",
    // The module's glue stays a file of its own, found through the paths that the page sets.
    conditions: ["onnxruntime-web-use-extern-wasm"],
    external: ["node:*", "fs", "path", "crypto", "os", "worker_threads", "perf_hooks"],
  });
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${peer}</title>
<link rel="icon" href="data:,">
<body><script type="module" src="./page.js"></script></body>
</html>
`;
  await writeFile(`${out}/${peer}/index.html`, page);
  for (const file of files) await cp(file, `${out}/${peer}/wasm/${file.split("/").at(-1)}`);
}

const version = async (name) => JSON.parse(await readFile(`${modules}/${name}/package.json`, "utf8")).version;
const names = ["onnxruntime-web", "@huggingface/transformers", "@tensorflow/tfjs-core", "@litertjs/core"];
const versions = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await version(name)])));
versions["onnxruntime-web in @huggingface/transformers"] = await version(
  "@huggingface/transformers/node_modules/onnxruntime-web",
);
await writeFile(`${out}/versions.json`, `${JSON.stringify(versions, null, 2)}\n`);
