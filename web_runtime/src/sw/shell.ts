// The files of this version: stored whole before it may take over, and dropped when a later version has.

import type { File, Manifest } from "../shared/manifest.gen.js";
import { fetchVerified, hash, isOldShell, manifest, openShell, urlOf } from "./version.js";

/**
 * Stores the manifest, every file of the shell, and what else the versions before have that did not change. What throws here
 * leaves the version before in charge; what was stored by then was verified and waits for the next try.
 */
export async function install(): Promise<void> {
  const { files } = await manifest();
  const shell = await openShell();
  const held = await heldFiles();
  const store = async ({ path, sha256, role }: File) => {
    if (await shell.match(urlOf(path))) return;
    const same = await held.get(sha256)?.();
    if (same || role === "shell") await shell.put(urlOf(path), same ?? (await fetchVerified(path, sha256)));
  };
  await Promise.all(files.map(store));
}

/** Gives a file of this version, from the shell or else from the server, verified and then stored. */
export async function have({ path, sha256 }: File): Promise<Response> {
  const shell = await openShell();
  const held = await shell.match(urlOf(path));
  if (held) return held;
  const fetched = await fetchVerified(path, sha256);
  // A full disk must not keep the page from its file.
  await shell.put(urlOf(path), fetched.clone()).catch(() => undefined);
  return fetched;
}

/** Names of the caches of earlier versions. */
export async function oldShells(): Promise<string[]> {
  return (await caches.keys()).filter(isOldShell);
}

/** What is there of earlier versions, of those whose manifest this one can read. */
export async function oldVersions(): Promise<{ shell: Cache; old: Manifest }[]> {
  const { version } = await manifest();
  const versions = [];
  for (const name of await oldShells()) {
    const shell = await caches.open(name);
    const old: Manifest | undefined = await (await shell.match(urlOf("manifest.json")))?.json();
    if (old?.version === version) versions.push({ shell, old });
  }
  return versions;
}

/** What earlier versions have stored, by SHA-256: an update costs only what changed. */
async function heldFiles(): Promise<Map<string, () => Promise<Response | null>>> {
  const held = new Map<string, () => Promise<Response | null>>();
  for (const { shell, old } of await oldVersions()) {
    for (const { path, sha256 } of old.files) held.set(sha256, () => heldFile(shell, path, sha256));
  }
  return held;
}

async function heldFile(shell: Cache, path: string, sha256: string): Promise<Response | null> {
  const response = await shell.match(urlOf(path));
  const bytes = await response?.arrayBuffer();
  return response && bytes && (await hash(bytes)) === sha256
    ? new Response(bytes, { headers: response.headers })
    : null;
}
