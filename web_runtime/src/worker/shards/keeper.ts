// Writes shards to the store behind the load: one at a time, never waited for, so that they do not hold up the first answer.

import type { Shard } from "../../shared/manifest.gen.js";
import type { Trace } from "../trace.js";
import type { Store } from "./store.js";

const nothing = () => undefined;

interface Kept {
  sha256: string;
  bytes: Uint8Array<ArrayBuffer>;
  done: () => void;
}

export class Keeper {
  readonly #store: Store;
  readonly #trace: Trace;
  #queue: Kept[] = [];
  #working: Promise<void> | null = null;
  #failure: string | null = null;
  #room: Promise<void> = Promise.resolve();
  readonly #wanted: Shard[] = [];
  #evict: () => Promise<boolean> = async () => false;

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

  /** Sees to it that there is room for what a load needs beside what was named before; where there is none, nothing is kept. */
  reserve(base: string, shards: readonly Shard[]): void {
    this.#wanted.push(...shards);
    const reserving = this.#store.reserve(base, this.#wanted).then((refusal) => {
      this.#failure ??= refusal;
    });
    this.#evict = () => this.#store.evict(base, this.#wanted);
    this.#room = Promise.all([this.#room, reserving]).then(nothing, nothing);
  }

  /** Takes verified bytes, which must not change until they are written; `done` is called when they are, or never will be. */
  add(sha256: string, bytes: Uint8Array<ArrayBuffer>, done: () => void): void {
    if (this.keeps) {
      this.#queue.push({ sha256, bytes, done });
      this.#working ??= this.#work();
    } else done();
  }

  /** False where nothing more is written. */
  get keeps(): boolean {
    return this.#store.kind !== "memory" && !this.#failure;
  }

  /** Resolves when nothing is left to write. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    await this.#room;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const { sha256, bytes, done } = next;
      try {
        // What had no room is not written; neither is the rest after a refusal, as it would be refused as well.
        if (!this.#failure) await this.#trace.time("cache-write", () => this.#write(sha256, bytes), { shard: sha256 });
      } catch (error) {
        this.#failure = refusal(error, this.#queue.length + 1);
      }
      done();
    }
    this.#working = null;
  }

  /** Browsers do not always tell how much they will take: then the refusal is the first sign. */
  async #write(sha256: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    for (;;) {
      try {
        return await this.#store.write(sha256, bytes);
      } catch (error) {
        if (!isFull(error) || !(await this.#evict())) throw error;
      }
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === "QuotaExceededError";
}

function refusal(error: unknown, left: number): string {
  const why = isFull(error) ? "The browser's storage is full" : "The browser stopped storing";
  return `${why}, so at least ${left} of the model's files will be fetched again on the next visit.`;
}
