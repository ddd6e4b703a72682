// Node's module hooks: our imports say ".js", as the build writes them; the sources are ".ts". What the build leaves out of a
// library is left out here too.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { library, withoutUnused } from "../tokenizers.mjs";

export async function resolve(specifier, context, next) {
  const source = specifier.replace(/\.js$/, ".ts");
  if (specifier.startsWith(".") && source !== specifier) {
    const url = new URL(source, context.parentURL);
    if (existsSync(url)) return { url: url.href, shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (library.test(url)) {
    const source = withoutUnused(await readFile(fileURLToPath(url), "utf8"));
    return { format: "module", source, shortCircuit: true };
  }
  if (!url.endsWith(".ts")) return next(url, context);
  const sourcefile = fileURLToPath(url);
  const options = { loader: "ts", format: "esm", target: "es2022", sourcefile, sourcemap: "inline" };
  const { code } = await transform(await readFile(sourcefile, "utf8"), options);
  return { format: "module", source: code, shortCircuit: true };
}
