// The licences of what the page assets contain of others: their terms ask that the text goes with every copy.
import { readFile } from "node:fs/promises";

const tensorflow = ["core", "converter", "backend-cpu", "backend-webgl"].map((part) => `@tensorflow/tfjs-${part}`);
const packages = ["onnxruntime-web", "@huggingface/tokenizers", ...tensorflow];

/** onnxruntime-web's package holds no licence file; its terms are those of MIT, which our own file states too. */
const ownText = { "onnxruntime-web": "Copyright (c) Microsoft Corporation" };

/** Nor do those of TensorFlow.js: the Apache License 2.0 has one text, which another package holds. */
const textIn = (name) => (tensorflow.includes(name) ? "long" : name);

/** The text of licenses.txt. */
export async function licenses(root) {
  const mit = (await readFile(`${root}LICENSE`, "utf8")).replace(/^Copyright.*$/m, "");
  const sections = packages.map(async (name) => {
    const { version, license } = JSON.parse(await readFile(`${root}node_modules/${name}/package.json`, "utf8"));
    const holder = ownText[name];
    const file = `${root}node_modules/${textIn(name)}/LICENSE`;
    const text = holder ? mit.replace("\n", `\n\n${holder}`) : await readFile(file, "utf8");
    return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  });
  return (await Promise.all(sections)).join(`\n${"-".repeat(78)}\n\n`);
}
