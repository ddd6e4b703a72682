// SHA-256 of decoded bytes.

import { PackagerError } from "../../shared/errors.js";

/** Lower-case hexadecimal SHA-256. The browser's own where there is one, which pages without HTTPS do not have. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = globalThis.crypto?.subtle
    ? new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))
    : await slow(bytes);
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function slow(bytes: Uint8Array): Promise<Uint8Array> {
  const chunk = await import("./sha256.js").catch(noChunk);
  return chunk.sha256(bytes);
}

export function noChunk(cause: unknown): never {
  const message =
    "The script that checks the model's files could not be loaded. Reload the page, or upload the whole bundle again.";
  throw new PackagerError("file-unreachable", message, { cause });
}
