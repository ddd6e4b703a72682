// What this bundle needs of the stored shards, and the removal of those that no bundle of the origin needs.

import type { Manifest, Variant } from "../shared/manifest.gen.js";
import { referencesKey, shardKey, shardStore, shardsOf } from "../shared/store.js";
import { have } from "./shell.js";
import { base, manifest, worker } from "./version.js";

const { origin } = worker.location;

/** Writes down which shards this version names, then drops those that no bundle's record lists. */
export async function dropOldShards(): Promise<void> {
  if (!(await caches.has(shardStore))) return;
  const store = await caches.open(shardStore);
  const own = JSON.stringify([...new Set(shardsOf(await manifest()))]);
  await store.put(referencesKey(origin, base), new Response(own));
  const keys = (await store.keys()).map(({ url }) => url);
  const records = keys.filter((key) => key.startsWith(referencesKey(origin, "")));
  const listed: string[][] = await Promise.all(records.map(async (key) => (await store.match(key))?.json() ?? []));
  const wanted = new Set(listed.flat().map((sha256) => shardKey(origin, sha256)));
  const unwanted = keys.filter((key) => key.startsWith(shardKey(origin, "")) && !wanted.has(key));
  await Promise.all(unwanted.map((key) => store.delete(key)));
}

/** Stores the files of every engine that this visitor uses; true when a variant is stored whole with its engine. */
export async function keepEngines(): Promise<boolean> {
  if (!(await caches.has(shardStore))) return false;
  const read = await manifest();
  const stored = new Set((await (await caches.open(shardStore)).keys()).map(({ url }) => url));
  const whole = (part: unknown) => [...shardsOf(part)].every((sha256) => stored.has(shardKey(origin, sha256)));
  const kept = await Promise.all(read.variants.map((variant) => keepEngine(read, variant, whole)));
  return kept.includes(true) && whole(read.task);
}

async function keepEngine(
  { engines, files }: Manifest,
  variant: Variant,
  whole: (part: unknown) => boolean,
): Promise<boolean> {
  const engine = engines[variant.target];
  // The page's worker stores a module only when it takes the engine.
  if (!engine || !whole(engine)) return false;
  await Promise.all(files.filter(({ path }) => path === engine.script || path === engine.glue).map(have));
  return whole(variant);
}
