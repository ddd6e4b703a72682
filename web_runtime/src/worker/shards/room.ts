// Room in a store that is nearly full. A chunk of its own, fetched only where a model does not fit beside what is stored.

import type { Shard } from "../../shared/manifest.gen.js";
import { referencesKey, shardKey, usedHeader } from "../../shared/store.js";

/** What may go together, with the record that names it. */
interface Group {
  record?: string;
  shards: string[];
}

/**
 * Drops what no model needs, or else the model that was used least recently, but none of the shards that are wanted.
 *
 * @param own key of the record of the bundle that is loading.
 * @returns false where there is nothing to drop.
 */
export async function evict(cache: Cache, own: string, wanted: readonly Shard[]): Promise<boolean> {
  const kept = new Set(wanted.map(({ sha256 }) => keyOf(sha256)));
  for (const { record, shards } of await groupsOf(cache, own)) {
    const unwanted = shards.filter((key) => !kept.has(key));
    if (unwanted.length === 0 && !record) continue;
    await Promise.all([...unwanted, ...(record ? [record] : [])].map((key) => cache.delete(key)));
    return true;
  }
  return false;
}

/** What the store holds, that which is wanted least first; a shard is in the last group that needs it. */
async function groupsOf(cache: Cache, own: string): Promise<Group[]> {
  const stored = new Set((await cache.keys()).map(({ url }) => url));
  const records = [...stored].filter((key) => key.startsWith(referencesKey(location.origin, "")));
  const read = records.map(async (record) => {
    const response = await cache.match(record);
    const names: string[] = (await response?.json()) ?? [];
    // Of this bundle only what its present version does not name is at stake, and that goes before all other models.
    const used = record === own ? 0 : Number(response?.headers.get(usedHeader));
    return { record, used, shards: names.map(keyOf).filter((key) => stored.has(key)) };
  });
  const groups = (await Promise.all(read)).sort((one, other) => other.used - one.used);
  const taken = new Set<string>();
  const take = (keys: string[]) => keys.filter((key) => !taken.has(key) && taken.add(key));
  const models = groups.map(({ record, shards }) => ({ ...(record === own ? {} : { record }), shards: take(shards) }));
  const unlisted = take([...stored].filter((key) => key.startsWith(keyOf(""))));
  return [{ shards: unlisted }, ...models.reverse()];
}

function keyOf(sha256: string): string {
  return shardKey(location.origin, sha256);
}
