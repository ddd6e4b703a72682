// Where decoded shards are kept between visits: Cache Storage where the browser has it, and nowhere where it does not.

import { bodyChunks, type Chunks } from "../../shared/decode.js";
import { referencesKey, shardKey, shardStore } from "../../shared/store.js";

export interface Store {
  readonly kind: "cache" | "memory";
  /** Why shards are kept there, in a sentence. */
  readonly reason: string;
  /** The content of a shard as it was stored, or null. It is to be verified like one from the network. */
  read(sha256: string): Promise<Chunks | null>;
  /** Rejects where the browser refuses: its storage is full, say. */
  write(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  drop(sha256: string): Promise<void>;
  /** Notes which shards the bundle at `base` names, so that the service worker can tell which are not needed any more. */
  refer(base: string, shards: Iterable<string>): Promise<void>;
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

  async refer(base: string, shards: Iterable<string>): Promise<void> {
    await this.#cache.put(referencesKey(this.#origin, base), Response.json([...new Set(shards)]));
  }
}
