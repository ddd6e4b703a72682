// An update for a visitor who can do without a network: its weights come before it takes over, so that he still can.

import { decode } from "../shared/decode.js";
import type { Shard } from "../shared/manifest.gen.js";
import { shardKey, shardPath, shardStore, shardsOf } from "../shared/store.js";
import { fetchWatched } from "../shared/watch.js";
import { keepEngine, needsOf, origin, refer, storedTest } from "./shards.js";
import { oldVersions } from "./shell.js";
import { base, fetchTwice, hash, manifest } from "./version.js";

/** Stores what this version needs for the variants that an earlier one has whole. Throws where the server has it not. */
export async function prepareUpdate(): Promise<void> {
  const earlier = (await oldVersions()).map(({ old }) => old);
  const isStored = await storedTest();
  const whole = earlier.flatMap((old) => old.variants.filter((variant) => isStored(needsOf(old, variant, isStored))));
  const own = await manifest();
  const wanted = own.variants.filter(({ id }) => whole.some((variant) => variant.id === id));
  if (wanted.length === 0) return;
  // Until this version takes over, both are needed.
  await refer([...shardsOf(earlier), ...shardsOf(own)]);
  const missing = [...shardsOf(wanted.map((variant) => needsOf(own, variant, isStored)))].filter(
    (shard) => !isStored(shard),
  );
  await Promise.all(wanted.map((variant) => keepEngine(own, variant)));
  await keepShards(missing).catch((error: unknown) => {
    // Where both versions do not fit, the newer goes before being ready for no network.
    if (!(error instanceof DOMException && error.name === "QuotaExceededError")) throw error;
  });
}

/** One after another: pages in use go first. What was stored when it stops is not fetched again. */
async function keepShards(shards: Shard[]): Promise<void> {
  const store = await caches.open(shardStore);
  for (const shard of shards) {
    const key = shardKey(origin, shard.sha256);
    if (!(await store.match(key))) await store.put(key, new Response(await fetchShard(shard)));
  }
}

function fetchShard(shard: Shard): Promise<Uint8Array<ArrayBuffer>> {
  const path = shardPath(shard);
  return fetchTwice(path, async (cache) => {
    const { chunks } = await fetchWatched(base + path, { cache });
    const bytes = new Uint8Array(shard.decoded_bytes);
    await decode(chunks, shard, bytes);
    if ((await hash(bytes.buffer)) === shard.sha256) return bytes;
    throw new Error("what the server has is not what the manifest says");
  });
}
