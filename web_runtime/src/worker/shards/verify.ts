// SHA-256 of decoded bytes.

import { imported } from "../script.js";

/** Lower-case hexadecimal SHA-256. The browser's own where there is one, which pages without HTTPS do not have. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = globalThis.crypto?.subtle
    ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
    : await slow(bytes);
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function slow(bytes: Uint8Array): Promise<Uint8Array> {
  const chunk = await imported(import("./sha256.js"), "The script that checks the model's files");
  return chunk.sha256(bytes);
}
