// Reads one JSON string a line, the text of a manifest each, and answers with one line a verdict: "1" for a manifest, "0" for none.
import { createInterface } from "node:readline";
import "../../../web_runtime/test/typescript.mjs";

const { parseManifest } = await import("../../../web_runtime/src/worker/manifest.ts");

for await (const line of createInterface({ input: process.stdin })) {
  let verdict = "1";
  try {
    parseManifest(JSON.parse(line), "manifest.json");
  } catch (error) {
    // Anything but a refusal is a fault of the reader.
    verdict = ["manifest-invalid", "manifest-version"].includes(error.code) ? "0" : `${error.name}: ${error.message}`;
  }
  process.stdout.write(`${verdict.replaceAll("\n", " ")}\n`);
}
