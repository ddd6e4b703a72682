// How TensorFlow.js is bundled: what inference on graph models needs of it and nothing else. Its packages are made so that a
// bundler can leave out training, layers and files, but for the places that name everything there is; those are cut here.
import { readdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const converter = fileURLToPath(
  new URL("../node_modules/@tensorflow/tfjs-converter/dist/operations/", import.meta.url),
);

/** Families of operators that no model for a GPU is made of. */
const families = /^(hash_table|ragged|sparse|spectral|string|tfdf)(_executor)?\.js$/;

/** Operators of other families that are not there: chance, and what counts or searches. */
const operators = /^(multinomial|random\w*|truncatedNormal|(dense)?bincount|(lower|upper)Bound|real|imag|complex\w*)$/i;

/** Kernels of all these, of training, and of what only other callers reach. */
const kernels =
  /Grad$|BackpropFilter|conv3DBackprop|depthwise.*Backprop|^i?fft$|^ragged|^sparse(?!ToDense)|^string|^static|fromPixels|flipLeftRight|rotateWithOffset|bincount|searchSorted|multinomial|unsortedSegment|complexAbs/i;

/** Parts of the core that reach for files, training and tests. */
const core = /'\.\/(io|optimizers|train|gradients|test_util|serialization)\b/;

/** Which module is replaced, and by what. */
const cuts = [
  // Hashes of strings, and models kept in the browser.
  [/tfjs-core\/dist\/hash_util\.js$/, async () => ""],
  [/tfjs-core\/dist\/platforms\/platform_browser\.js$/, platform],
  [/tfjs-core\/dist\/index\.js$/, coreOnly],
  [/tfjs-core\/dist\/ops\/ops_for_converter\.js$/, usedOps],
  [/tfjs-backend-webgl\/dist\/register_all_kernels\.js$/, registration],
  [/tfjs-backend-webgl\/dist\/kernel_utils\/shared\.js$/, sharedKernels],
  [/tfjs-backend-webgl\/dist\/(reduce|pool)_gpu\.js$/, wholeRange],
  [/tfjs-converter\/dist\/operations\/op_list\/\w+\.js$/, operatorList],
  [/tfjs-converter\/dist\/operations\/executors\/\w+_executor\.js$/, executor],
];

export const tensorflow = {
  name: "tensorflow",
  setup(build) {
    for (const [filter, cut] of cuts)
      build.onLoad({ filter }, async ({ path }) => ({ contents: await cut(path), loader: "js" }));
  },
};

const read = (path) => readFile(path, "utf8");
const isLeftOut = (path) => families.test(path.slice(path.lastIndexOf("/") + 1));

async function coreOnly(path) {
  const base = await read(path.replace("index.js", "base.js"));
  const lines = base.split("\n").filter((line) => !core.test(line) && !/^\/\//.test(line));
  return `import "./base_side_effects";\n${lines.join("\n").replace(/\b(io|serialization|test_util), /g, "")}`;
}

/** Without the stores for models. */
async function platform(path) {
  return (await read(path)).replace(/^import .*'\.\.\/io\/.*$/gm, "").replace(/^ +(try|catch).*?^ {4}\}$/gms, "");
}

/** The operations that the executors call. They reach for them in one object, which hides from a bundler what is used. */
async function usedOps(path) {
  const sources = await Promise.all(
    (await readdir(`${converter}executors`))
      .filter((name) => /_executor\.js$/.test(name) && !isLeftOut(name))
      .map((name) => read(`${converter}executors/${name}`)),
  );
  const used = new Set(sources.join("\n").match(/\bops\.\w+(\.\w+)?/g));
  const all = await read(`${dirname(path)}/ops.js`);
  const from = new Map(
    [...all.matchAll(/^(?:im|ex)port \{ (\w+) \} from '(.*)'/gm)].map(([, name, file]) => [name, file]),
  );
  const groups = new Map();
  const lines = [];
  for (const call of used) {
    const [, name, member] = call.split(".");
    if (!member && from.has(name) && !operators.test(name)) lines.push(`export { ${name} } from "${from.get(name)}";`);
    else if (name !== "fused" && from.has(member)) groups.set(name, [...(groups.get(name) ?? []), member]);
  }
  for (const [name, members] of groups) {
    for (const member of members) lines.push(`import { ${member} } from "${from.get(member)}";`);
    lines.push(`export const ${name} = { ${members.join(", ")} };`);
  }
  for (const file of ["transpose", "gather_nd", "scatter_nd", "sparse_to_dense"])
    lines.push(`export * from "./${file}";`);
  return [...lines, `export * as fused from "./fused_ops";`].join("\n");
}

/** Every line that names a kernel which is left out goes. */
async function registration(path) {
  const lines = (await read(path)).split("\n");
  return lines.filter((line) => !kernels.test(/^(?:import \{ | {4})(\w+)Config/.exec(line)?.[1] ?? "")).join("\n");
}

/** What runs on the CPU for small tensors, name by name in place of the whole of the other backend. */
async function sharedKernels(path) {
  const [, names] = /const \{ (.*?),? \} = shared;/s.exec(await read(path));
  return `export { ${names.replaceAll(":", " as")} } from "@tensorflow/tfjs-backend-cpu/dist/shared";`;
}

/** A largest number is looked for among all that there are: masks put in the lowest, which is far below -1e20. */
async function wholeRange(path) {
  return (await read(path)).replaceAll("1.0 / 1e-20", "3.4028234e38");
}

async function operatorList(path) {
  const json = isLeftOut(path) ? [] : (await import(path)).json;
  return `export const json = ${JSON.stringify(json.filter(({ tfOpName }) => !operators.test(tfOpName)))};`;
}

async function executor(path) {
  return isLeftOut(path) ? "export const executeOp = null;" : read(path);
}
