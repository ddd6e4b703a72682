// Who this worker is: one version of one bundle. `build` stamps the two hashes, so a new bundle is a new worker to the browser,
// and the headers that a careful host would send with the bundle.

import type { Manifest } from "../shared/manifest.gen.js";
import { fetchWatched } from "../shared/watch.js";

export const worker = self as unknown as ServiceWorkerGlobalScope;

const bundleId = "__BUNDLE_ID__";
const manifestSha256 = "__MANIFEST_SHA256__";
export const headers = "__HEADERS__" as unknown as Record<"security" | "isolation", Record<string, string>>;

/** URL of the bundle's folder. */
export const base = worker.registration.scope;

/** Start of the names of this bundle's shell caches, and of no other bundle's on the origin. */
const shellPrefix = `packager-shell:${base}:`;
const shellName = shellPrefix + bundleId;

/** Opened anew each time: a handle outlives the cache when the user clears the site's data. */
export function openShell(): Promise<Cache> {
  return caches.open(shellName);
}

export function isOldShell(name: string): boolean {
  return name.startsWith(shellPrefix) && name !== shellName;
}

/** URL of a file of the bundle. The page is asked for by its folder: some hosts redirect index.html. */
export function urlOf(path: string): string {
  return base + (path === "index.html" ? "" : path);
}

/**
 * Fetches a file of this version. The HTTP cache may answer first; where it holds another version, or the error that the
 * server gave while this one was being published, the server is asked. Throws when neither has the bytes with this hash, so
 * that nothing of another version is ever taken.
 */
export async function fetchVerified(path: string, sha256: string): Promise<Response> {
  const fetchBytes = async (cache: RequestCache) => {
    const { response, chunks } = await fetchWatched(urlOf(path), { cache });
    const parts = [];
    for await (const chunk of chunks) parts.push(chunk);
    const bytes = await new Blob(parts).arrayBuffer();
    if ((await hash(bytes)) !== sha256) throw new Error("what the server has is not of this version");
    return new Response(bytes, { headers: response.headers });
  };
  return fetchTwice(path, fetchBytes);
}

/** What a file of the bundle gives, the HTTP cache passed by where that fails the first time. */
export async function fetchTwice<T>(path: string, attempt: (cache: RequestCache) => Promise<T>): Promise<T> {
  try {
    return await attempt("default").catch(() => attempt("reload"));
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}.`, { cause: error });
  }
}

export async function hash(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The response with this version's manifest, from the shell or, where the browser dropped that, from the server. */
export async function ownManifest(): Promise<Response> {
  const shell = await openShell();
  const held = await shell.match(urlOf("manifest.json"));
  if (held) return held;
  const fetched = await fetchVerified("manifest.json", manifestSha256);
  await shell.put(urlOf("manifest.json"), fetched.clone());
  return fetched;
}

let read: Promise<Manifest> | undefined;

/** This version's manifest; read once, since it never changes. */
export function manifest(): Promise<Manifest> {
  read ??= ownManifest().then((response) => response.json());
  read.catch(() => {
    read = undefined;
  });
  return read;
}
