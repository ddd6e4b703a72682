// Where shards lie in Cache Storage. The worker writes them, the service worker drops those that no bundle needs any more.

import type { Shard } from "./manifest.gen.js";

/** Shared by all bundles of an origin: a shard's name is its content, so whoever stored it, it fits. */
export const shardStore = "packager-shards-1";

/** Where a shard lies, relative to the manifest. */
export function shardPath({ sha256, filter, encoding }: Shard): string {
  const parts = [sha256, filter, encoding, "bin"].filter((part) => part !== "none");
  return `shards/${parts.join(".")}`;
}

/** The key of a shard: no such address exists, so it can be taken for nothing else. */
export function shardKey(origin: string, sha256: string): string {
  return `${origin}/.packager/shards/${sha256}`;
}

/** The key of a bundle's record. `base` is the manifest's folder. */
export function referencesKey(origin: string, base: string): string {
  return `${origin}/.packager/references/${encodeURIComponent(base)}`;
}

/** The header of a record that tells when the bundle was last used, in milliseconds since 1970. */
export const usedHeader = "used";

/** A bundle's record: a JSON array of the SHA-256 of every shard that its manifest names. */
export function recordOf(shards: Iterable<Shard>): Response {
  const names = new Set(Array.from(shards, ({ sha256 }) => sha256));
  return Response.json([...names], { headers: { [usedHeader]: String(Date.now()) } });
}

/** What shards take in the store, and a little for the browser's own notes; one that is named twice is stored once. */
export function bytesOf(shards: readonly Shard[]): number {
  const sizes = new Map(shards.map(({ sha256, decoded_bytes }) => [sha256, decoded_bytes + 2048]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** Every shard that a manifest, or any part of it, names. */
export function* shardsOf(part: unknown): Generator<Shard> {
  if (typeof part !== "object" || part === null) return;
  if ("decoded_bytes" in part && "sha256" in part) yield part as Shard;
  else for (const value of Object.values(part)) yield* shardsOf(value);
}
