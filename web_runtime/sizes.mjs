// What a visitor downloads before the model itself, and the limits that it is held to.
import { gzipSync } from "node:zlib";

/** Gzipped bytes: the runtime without engines, the demo around it, what signed bundles have besides, TensorFlow.js with our engine. */
const limits = { runtime: 40_000, demo: 30_000, signed: 1_500, webgl: 140_000 };

/** Gzipped bytes of our own engine: its script, and each build of its module, of which a visitor downloads one. */
const engineLimits = { script: 12_000, module: 60_000 };

const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** Prints the sizes as a table, and throws when a group is over its limit. */
export function checkSizes(outputs, { files, engines }) {
  const { app, style, index, signed, devices, types: _neverFetched, ...runtime } = files;
  const groups = {
    runtime: Object.values(runtime),
    demo: [app, style, index],
    signed: [signed],
    engine: [engines.wasm.script, ...engines.wasm.modules.map(({ path }) => path)],
    // Only bundles with variants for graphics cards, or with a race, have it.
    devices: [devices],
    "onnx runtime": ["script", "glue", "module"].map((part) => engines["ort-wasm"][part]),
    "onnx runtime, webgpu": ["script", "glue", "module"].map((part) => engines.webgpu[part]),
    webgl: [engines.webgl.script],
  };
  const over = [];
  console.log(`${"".padEnd(52)}${"bytes".padStart(12)}${"gzipped".padStart(12)}`);
  for (const [group, paths] of Object.entries(groups)) {
    const rows = paths.map((path) => [path, outputs.get(path).length, gzipped(outputs.get(path))]);
    for (const row of rows) printRow(...row);
    const total = rows.reduce((sum, [, , size]) => sum + size, 0);
    const limit = limits[group];
    printRow(
      `${group}${limit ? ` (limit ${limit})` : ""}`,
      rows.reduce((sum, [, size]) => sum + size, 0),
      total,
    );
    if (total > limit) over.push(`The ${group} is ${total} bytes gzipped, over its limit of ${limit}.`);
  }
  groups.engine.forEach((path, i) => {
    const [size, limit] = [gzipped(outputs.get(path)), i === 0 ? engineLimits.script : engineLimits.module];
    if (size > limit) over.push(`${path} is ${size} bytes gzipped, over its limit of ${limit}.`);
  });
  if (over.length > 0) throw new Error(over.join(" "));
}

function printRow(name, bytes, gzip) {
  console.log(name.padEnd(52) + String(bytes).padStart(12) + String(gzip).padStart(12));
}
