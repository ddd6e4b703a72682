// Where decoded shards are kept between visits: Cache Storage where the browser has it, and nowhere where it does not.

import { bodyChunks, type Chunks } from "../../shared/decode.js";
import type { Shard } from "../../shared/manifest.gen.js";
import { bytesOf, recordOf, referencesKey, shardKey, shardStore } from "../../shared/store.js";

export interface Store {
  readonly kind: "cache" | "memory";
  /** Why shards are kept there, in a sentence. */
  readonly reason: string;
  /** The content of a shard as it was stored, or null. It is to be verified like one from the network. */
  read(sha256: string): Promise<Chunks | null>;
  /** Rejects where the browser refuses: its storage is full, say. */
  write(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  drop(sha256: string): Promise<void>;
  /**
   * Makes room for what the bundle at `base` is about to keep, as far as the browser tells how much there is. Null, or why there
   * is none, in a sentence.
   */
  reserve(base: string, shards: readonly Shard[]): Promise<string | null>;
  /** Drops what is wanted least of all that these shards of the bundle at `base` are not part of. False where nothing is left. */
  evict(base: string, shards: readonly Shard[]): Promise<boolean>;
  /** Notes which shards the bundle at `base` names and that it is in use, so that one can tell which are not needed any more. */
  refer(base: string, shards: Iterable<Shard>): Promise<void>;
}

/** Never rejects: without Cache Storage the model still loads, only it is fetched again on the next visit. */
export async function openStore(): Promise<Store> {
  if (!globalThis.isSecureContext) {
    return nowhere(
      "Nothing is kept for the next visit: browsers store files only for pages that come over HTTPS or from localhost.",
    );
  }
  try {
    return new CacheStore(await caches.open(shardStore));
  } catch {
    return nowhere(
      "Nothing is kept for the next visit: the browser refused storage, as it does in some private windows.",
    );
  }
}

function nowhere(reason: string): Store {
  return {
    kind: "memory",
    reason,
    read: async () => null,
    write: async () => undefined,
    drop: async () => undefined,
    reserve: async () => null,
    evict: async () => false,
    refer: async () => undefined,
  };
}

class CacheStore implements Store {
  readonly kind = "cache";
  readonly reason = "The model's files are kept in the browser's storage for the next visit.";
  readonly #cache: Cache;
  readonly #origin = location.origin;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  async read(sha256: string): Promise<Chunks | null> {
    const response = await this.#cache.match(shardKey(this.#origin, sha256));
    return response ? bodyChunks(response) : null;
  }

  async write(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#cache.put(shardKey(this.#origin, sha256), new Response(bytes));
  }

  async drop(sha256: string): Promise<void> {
    await this.#cache.delete(shardKey(this.#origin, sha256));
  }

  async reserve(base: string, shards: readonly Shard[]): Promise<string | null> {
    if ((await freeBytes()) >= bytesOf(shards)) return null;
    const stored = new Set((await this.#cache.keys()).map(({ url }) => url));
    const missing = bytesOf(shards.filter(({ sha256 }) => !stored.has(shardKey(this.#origin, sha256))));
    while ((await freeBytes()) < missing) {
      if (await this.evict(base, shards)) continue;
      const size = Math.ceil(missing / 1e6);
      return `The browser's storage is too full for the model's ${size} MB, so they will be fetched again on the next visit.`;
    }
    return null;
  }

  async evict(base: string, shards: readonly Shard[]): Promise<boolean> {
    const { evict } = await import("./room.js"); // a file of its own: it is seldom needed
    return evict(this.#cache, referencesKey(this.#origin, base), shards);
  }

  async refer(base: string, shards: Iterable<Shard>): Promise<void> {
    await this.#cache.put(referencesKey(this.#origin, base), recordOf(shards));
  }
}

/** As the browser says, which may be more than it takes in the end. */
async function freeBytes(): Promise<number> {
  const { quota = Number.POSITIVE_INFINITY, usage = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  return quota - usage;
}
