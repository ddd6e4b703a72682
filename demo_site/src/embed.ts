// Eight lines that put this model into another page of the site. Pure.

import type { Manifest, TensorType } from "../../web_runtime/src/shared/manifest.gen.js";
import { resolve, symbols } from "./tensor/dims.js";
import { kinds } from "./tensor/dtype.js";

/** `folder`: the bundle's folder as the other page names it, with a slash at the end. */
export function embedCode(manifest: Manifest, folder: string): string {
  const head = [
    `import { load } from "${folder}packager.js";`,
    "",
    `const model = await load("${folder}manifest.json");`,
  ];
  return [...head, ...use(manifest)].join("\n");
}

function use(manifest: Manifest): string[] {
  switch (manifest.task.kind) {
    case "image-classification":
      return [
        'const picture = document.querySelector("img");',
        "const best = await model.run(picture);",
        "for (const { label, score } of best) {",
        "  console.log(label, score.toFixed(3));",
        "}",
      ];
    case "text-embedding":
      return [
        'const texts = ["How do I reset my password?", "I cannot log in."];',
        "const [a, b] = await model.run(texts);",
        "const dot = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);",
        "const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));",
        "console.log(cosine.toFixed(3));",
      ];
    case "tensor":
      return infer(manifest);
  }
}

function infer(manifest: Manifest): string[] {
  const sizes = symbols(manifest);
  const { inputs, outputs } = manifest.signature;
  const output = outputs[0]?.name ?? "";
  const given = inputs.map((input) => `  ${key(input.name)}: ${literal(input, resolve(input.shape, sizes))},`);
  return [
    ...(given.length > 0
      ? ["const outputs = await model.infer({", ...given, "});"]
      : ["const outputs = await model.infer({});"]),
    `const { data, dims } = outputs${/^[A-Za-z_$][\w$]*$/.test(output) ? `.${output}` : `[${JSON.stringify(output)}]`};`,
    "console.log(dims, data);",
  ];
}

function literal({ dtype }: TensorType, dims: number[]): string {
  const length = dims.reduce((product, dim) => product * dim, 1);
  return `{ data: new ${kinds[dtype].array.name}(${length}), dims: [${dims.join(", ")}] }`;
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}
