// The licences of what the page assets contain of others: their terms ask that the text goes with every copy.
import { readFile } from "node:fs/promises";

const packages = ["onnxruntime-web", "@huggingface/tokenizers"];

/** onnxruntime-web's package holds no licence file; its terms are those of MIT, which our own file states too. */
const ownText = { "onnxruntime-web": "Copyright (c) Microsoft Corporation" };

/** The text of licenses.txt. */
export async function licenses(root) {
  const mit = (await readFile(`${root}LICENSE`, "utf8")).replace(/^Copyright.*$/m, "");
  const sections = packages.map(async (name) => {
    const folder = `${root}node_modules/${name}`;
    const { version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
    const holder = ownText[name];
    const text = holder ? mit.replace("\n", `\n\n${holder}`) : await readFile(`${folder}/LICENSE`, "utf8");
    return `${name} ${version} (${license})\n\n${text.trim()}\n`;
  });
  return (await Promise.all(sections)).join(`\n${"-".repeat(78)}\n\n`);
}
