// Counts a load's bytes and tells the page.

import type { Phase, Progress } from "../shared/api.js";
import type { Content, Shard } from "../shared/manifest.gen.js";

/** Reports of bytes are at least so many milliseconds apart; a page cannot show more. */
const interval = 50;

interface Entry {
  bytes: number;
  loaded: number;
  cached: boolean;
}

export class Meter {
  readonly #report: (progress: Progress) => void;
  readonly #shards = new Map<string, Entry>();
  #loaded = 0;
  #total = 0;
  #cached = 0;
  #lastReport = 0;

  constructor(report: (progress: Progress) => void) {
    this.#report = report;
  }

  /** Encoded bytes that are done, by where they came from. */
  get bytes(): { network: number; cache: number } {
    return { network: this.#loaded - this.#cached, cache: this.#cached };
  }

  /** Counts a content into the total; a shard that is named twice is needed once. */
  expect(content: Content): void {
    for (const { sha256, encoded_bytes } of content) {
      if (this.#shards.has(sha256)) continue;
      this.#shards.set(sha256, { bytes: encoded_bytes, loaded: 0, cached: false });
      this.#total += encoded_bytes;
    }
  }

  /** A phase starts. */
  enter(phase: Phase): void {
    this.#lastReport = performance.now();
    this.#report({ phase, loaded: this.#loaded, total: this.#total, cached: this.#cached });
  }

  /** So many more encoded bytes of a shard came over the network. */
  add(phase: Phase, { sha256 }: Shard, count: number): void {
    this.#set(phase, sha256, (entry) => entry.loaded + count, false);
  }

  /** A shard is there as a whole. */
  finish(phase: Phase, { sha256 }: Shard, cached: boolean): void {
    this.#set(phase, sha256, (entry) => entry.bytes, cached);
  }

  /** A shard has to be fetched once more from its start. */
  undo(phase: Phase, { sha256 }: Shard): void {
    this.#set(phase, sha256, () => 0, false);
  }

  #set(phase: Phase, sha256: string, loaded: (entry: Entry) => number, cached: boolean): void {
    const entry = this.#shards.get(sha256);
    if (!entry) return;
    const before = { ...entry };
    entry.loaded = Math.min(loaded(entry), entry.bytes);
    entry.cached = cached;
    this.#loaded += entry.loaded - before.loaded;
    this.#cached += (entry.cached ? entry.loaded : 0) - (before.cached ? before.loaded : 0);
    const due = performance.now() - this.#lastReport >= interval || this.#loaded === this.#total;
    if (due) this.enter(phase);
  }
}
