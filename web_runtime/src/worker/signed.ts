// A chunk of its own, which only signed bundles ship: holds the manifest to the key that the runtime pins, and the page's own
// files to the manifest. Shards and the engine's scripts are held to it in every bundle.

import { PackagerError } from "../shared/errors.js";
import type { Manifest } from "../shared/manifest.gen.js";

type Bytes = Uint8Array<ArrayBuffer>;
type Listed = { path: string; sha256: string };

/**
 * Refuses the bundle whose manifest at `url` says `text`, unless the holder of the public key signed it and the page is its own.
 *
 * @throws {PackagerError} signature-invalid, unsupported or file-corrupt.
 */
export async function authenticate(text: string, manifest: Manifest, publicKey: string, url: string): Promise<void> {
  const why = await unsigned(text, manifest, publicKey, url);
  if (why) {
    const remedy = "Upload the whole bundle again, as it was signed.";
    throw new PackagerError("signature-invalid", `${url} is refused: ${why}. ${remedy}`);
  }
  const wrong = await wrongFile(text, manifest, url);
  if (wrong) {
    const remedy = "Reload the page, or upload the whole bundle again.";
    throw new PackagerError("file-corrupt", `${wrong} is not the one that the signed manifest names. ${remedy}`);
  }
}

/** Why the text of a manifest is not what the holder of the key signed, or null. */
async function unsigned(text: string, { signed }: Manifest, publicKey: string, url: string): Promise<string | null> {
  if (!signed) return "it is not signed";
  if (signed.public_key !== publicKey) return "it is signed with another key than the one that this page pins";
  const message = encode(text.replace(`"signed":${JSON.stringify(signed)},`, ""));
  let good: boolean;
  try {
    const key = await crypto.subtle.importKey("raw", fromHex(publicKey), "Ed25519", false, ["verify"]);
    good = await crypto.subtle.verify("Ed25519", key, fromHex(signed.ed25519), message);
  } catch (cause) {
    const lacks = globalThis.crypto?.subtle ? "it does not know Ed25519" : "the page does not come over HTTPS";
    const remedy = "Open the page over HTTPS in a current browser.";
    throw new PackagerError("unsupported", `This browser cannot check who signed ${url}: ${lacks}. ${remedy}`, {
      cause,
    });
  }
  return good ? null : "it is not what was signed";
}

/** The first file of the page that is not what the manifest says, or null. */
async function wrongFile(text: string, { files, others = [], id }: Manifest, url: string): Promise<string | null> {
  const hash = await sha256(encode(text));
  const version = (bytes: Bytes) => {
    const script = new TextDecoder().decode(bytes);
    // On a visit that runs under a service worker the server may have the next version already.
    if (!script.includes(id)) return null;
    return encode(script.replaceAll(id, "__BUNDLE_ID__").replaceAll(hash, "__MANIFEST_SHA256__"));
  };
  const shell = files.filter(({ role }) => role === "shell");
  const worker = others.filter(({ path }) => path === "sw.js");
  const wrong = await Promise.all([
    ...shell.map((file) => isWrong(file, url, (bytes) => bytes)),
    ...worker.map((file) => isWrong(file, url, version)),
  ]);
  return [...shell, ...worker].find((_, i) => wrong[i])?.path ?? null;
}

/**
 * True where the browser holds, or else the server has, other bytes than those listed. What is not to be had at all cannot run.
 * `read` gives the bytes that the hash is of, or null where there is nothing to say of them.
 */
async function isWrong(
  { path, sha256: wanted }: Listed,
  url: string,
  read: (bytes: Bytes) => Bytes | null,
): Promise<boolean> {
  let wrong = false;
  for (const cache of ["force-cache", "reload"] as const) {
    // Some hosts redirect index.html.
    const response = await fetch(new URL(path === "index.html" ? "." : path, url), { cache }).catch(() => null);
    if (!response?.ok) continue;
    const bytes = read(new Uint8Array(await response.arrayBuffer()));
    if (!bytes || (await sha256(bytes)) === wanted) return false;
    wrong = true;
  }
  return wrong;
}

async function sha256(bytes: Bytes): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const encode = (text: string): Bytes => new TextEncoder().encode(text);

const fromHex = (digits: string): Bytes =>
  Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
