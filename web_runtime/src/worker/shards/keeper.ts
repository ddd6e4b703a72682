// Writes shards to the store behind the load: one at a time, never waited for, so that they do not hold up the first answer.

import type { Trace } from "../trace.js";
import type { Store } from "./store.js";

interface Kept {
  sha256: string;
  bytes: Uint8Array<ArrayBuffer>;
}

export class Keeper {
  readonly #store: Store;
  readonly #trace: Trace;
  #queue: Kept[] = [];
  #working: Promise<void> | null = null;
  #failure: string | null = null;

  constructor(store: Store, trace: Trace) {
    this.#store = store;
    this.#trace = trace;
  }

  /** Where shards are kept and why, as far as is known by now. */
  get state(): { storage: Store["kind"]; storageReason: string } {
    const { kind, reason } = this.#store;
    if (this.#failure) return { storage: "memory", storageReason: this.#failure };
    return { storage: kind, storageReason: reason };
  }

  /** Takes verified bytes, which must not change until they are written. */
  add(sha256: string, bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#store.kind === "memory" || this.#failure) return;
    this.#queue.push({ sha256, bytes });
    this.#working ??= this.#work();
  }

  /** Resolves when nothing is left to write. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const { sha256, bytes } = next;
      try {
        await this.#trace.time("cache-write", () => this.#store.write(sha256, bytes), { shard: sha256 });
      } catch (error) {
        // The rest would be refused as well, and its memory is wanted back.
        const left = this.#queue.length + 1;
        this.#queue = [];
        this.#failure = refusal(error, left);
      }
    }
    this.#working = null;
  }
}

function refusal(error: unknown, left: number): string {
  const full = error instanceof DOMException && error.name === "QuotaExceededError";
  const why = full ? "The browser's storage is full" : "The browser stopped storing";
  return `${why}, so at least ${left} of the model's files will be fetched again on the next visit.`;
}
