// What this bundle needs of the stored shards, and the removal of those that no bundle of the origin needs.

import type { Manifest, Shard, Variant } from "../shared/manifest.gen.js";
import { referencesKey, shardKey, shardStore, shardsOf } from "../shared/store.js";
import { have } from "./shell.js";
import { base, manifest, worker } from "./version.js";

export const { origin } = worker.location;

/** Everything of a manifest that a variant needs stored. */
export const needsOf = ({ engines, task }: Manifest, variant: Variant) => [engines[variant.target], variant, task];

/** Tells of a manifest, or any part of it, whether all its shards are stored. */
export async function storedTest(): Promise<(part: unknown) => boolean> {
  // Without a look first, opening the store would make one.
  const keys = (await caches.has(shardStore)) ? await (await caches.open(shardStore)).keys() : [];
  const stored = new Set(keys.map(({ url }) => url));
  return (part) => [...shardsOf(part)].every(({ sha256 }) => stored.has(shardKey(origin, sha256)));
}

/** Writes down which shards this bundle needs. */
export async function refer(needed: Iterable<Shard>): Promise<void> {
  const store = await caches.open(shardStore);
  const names = new Set(Array.from(needed, ({ sha256 }) => sha256));
  await store.put(referencesKey(origin, base), Response.json([...names]));
}

/** Drops the shards that no bundle's record lists. */
export async function dropOldShards(): Promise<void> {
  await refer(shardsOf(await manifest()));
  const store = await caches.open(shardStore);
  const keys = (await store.keys()).map(({ url }) => url);
  const records = keys.filter((key) => key.startsWith(referencesKey(origin, "")));
  const listed: string[][] = await Promise.all(records.map(async (key) => (await store.match(key))?.json() ?? []));
  const wanted = new Set(listed.flat().map((sha256) => shardKey(origin, sha256)));
  const unwanted = keys.filter((key) => key.startsWith(shardKey(origin, "")) && !wanted.has(key));
  await Promise.all(unwanted.map((key) => store.delete(key)));
}

/** Stores the files of every engine that this visitor uses; true when a variant is stored whole with its engine. */
export async function keepEngines(): Promise<boolean> {
  const read = await manifest();
  const isStored = await storedTest();
  // The page's worker stores a module only when it takes the engine.
  const used = read.variants.filter(({ target }) => isStored(read.engines[target]));
  await Promise.all(used.map((variant) => keepEngine(read, variant)));
  return used.some((variant) => isStored(needsOf(read, variant)));
}

/** Stores the scripts of a variant's engine. */
export async function keepEngine({ engines, files }: Manifest, { target }: Variant): Promise<void> {
  const engine = engines[target];
  await Promise.all(files.filter(({ path }) => path === engine?.script || path === engine?.glue).map(have));
}
