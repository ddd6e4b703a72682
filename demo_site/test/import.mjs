// Node cannot import our TypeScript as it is: one file with all that it imports becomes a module in memory.
import { build } from "esbuild";

/** The exports of a file under demo_site/src/. */
export async function importSource(path) {
  const entryPoints = [new URL(`../src/${path}`, import.meta.url).pathname];
  const { outputFiles } = await build({ entryPoints, bundle: true, format: "esm", target: "es2022", write: false });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
}
