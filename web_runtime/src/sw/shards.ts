// What this bundle needs of the stored shards, and the removal of those that no bundle of the origin needs.

import { onGpu } from "../shared/engine.js";
import type { Content, Engine, Manifest, Shard, Variant } from "../shared/manifest.gen.js";
import { recordOf, referencesKey, shardKey, shardStore, shardsOf } from "../shared/store.js";
import { have } from "./shell.js";
import { base, manifest, worker } from "./version.js";

export const { origin } = worker.location;

/** An engine's module in a build that is stored whole, or else in all that it has: a visitor needs one. */
function moduleOf({ engines }: Manifest, { target }: Variant, isStored: (part: unknown) => boolean): Content[] {
  const engine = engines[target];
  if (!engine) return [];
  const builds =
    "modules" in engine ? engine.modules.map(({ content }) => content) : "module" in engine ? [engine.module] : [];
  const stored = builds.find(isStored);
  return stored ? [stored] : builds;
}

/** Everything of a manifest that a variant needs stored. */
export const needsOf = (manifest: Manifest, variant: Variant, isStored: (part: unknown) => boolean) => [
  moduleOf(manifest, variant, isStored),
  variant,
  manifest.task,
  onGpu(variant) && manifest.golden,
];

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
  await store.put(referencesKey(origin, base), recordOf(needed));
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
  // The page's worker stores a module and a graph only when it takes the engine.
  const used = read.variants.filter((variant) => isStored([moduleOf(read, variant, isStored), variant.graph]));
  await Promise.all(used.map((variant) => keepEngine(read, variant)));
  return used.some((variant) => isStored(needsOf(read, variant, isStored)));
}

/** Stores the scripts of a variant's engine. */
export async function keepEngine({ engines, files }: Manifest, { target }: Variant): Promise<void> {
  const { script, glue } = engines[target] as Partial<Engine>;
  await Promise.all(files.filter(({ path }) => path === script || path === glue).map(have));
}
