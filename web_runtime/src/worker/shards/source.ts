// Contents from their shards: for each shard, from the cache or else from the network, decoded, verified, and kept.

import type { Phase } from "../../shared/api.js";
import { type Chunks, type Coding, decode } from "../../shared/decode.js";
import { PackagerError } from "../../shared/errors.js";
import { Fault } from "../../shared/fault.js";
import type { Content, File, Shard } from "../../shared/manifest.gen.js";
import { shardPath } from "../../shared/store.js";
import type { Meter } from "../meter.js";
import type { Trace } from "../trace.js";
import { fetchFile } from "./fetch.js";
import type { Keeper } from "./keeper.js";
import { type Clock, withRetries } from "./retry.js";
import { Slots } from "./slots.js";
import type { Store } from "./store.js";
import { takeTurn } from "./turns.js";
import { sha256 } from "./verify.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Browsers open six connections to a host over HTTP/1.1. */
const parallel = 6;

const nothing = () => undefined;

const asStored: Coding = { encoding: "none", filter: "none" };

export interface SourceOptions {
  /** The bundle's folder. */
  base: string;
  store: Store;
  keeper: Keeper;
  meter: Meter;
  trace: Trace;
  clock: Clock;
  /** In place of `stallTimeout`. */
  timeout?: number | undefined;
  /** Takes sentences for the user. */
  note: (sentence: string) => void;
}

export class Source {
  readonly #options: SourceOptions;
  readonly #slots = new Slots(parallel);
  /** Shards on their way, so that one that is named twice is fetched once. */
  readonly #underway = new Map<string, Promise<Bytes>>();

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  /** Address of a file of the bundle. */
  url(path: string): string {
    return new URL(path, this.#options.base).href;
  }

  /** Makes room in the store for what is about to be read. */
  reserve(contents: Content[]): void {
    const { base, keeper } = this.#options;
    keeper.reserve(base, contents.flat());
  }

  /**
   * The bytes of a content in one array, which is allocated once and filled by all of its shards side by side.
   *
   * @throws {PackagerError} shard-corrupt, shard-unreachable, out-of-memory or aborted.
   */
  async read(content: Content, phase: Phase, signal: AbortSignal): Promise<Bytes> {
    const bytes = allocate(content.reduce((sum, shard) => sum + shard.decoded_bytes, 0));
    let offset = 0;
    const fillings = content.map((shard) => {
      const target = bytes.subarray(offset, offset + shard.decoded_bytes);
      offset += shard.decoded_bytes;
      return this.#fill(target, shard, phase, signal);
    });
    await Promise.all(fillings);
    return bytes;
  }

  /**
   * Makes sure that a script of the bundle is what the manifest says, before it is imported.
   *
   * @throws {PackagerError} file-corrupt, file-unreachable or aborted.
   */
  async check({ path, bytes, sha256 }: File, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const shard: Shard = { sha256, encoded_bytes: bytes, decoded_bytes: bytes, ...asStored };
    try {
      await withRetries((number) => this.#download(path, shard, allocate(bytes), number, signal), {
        signal,
        clock,
      });
    } catch (error) {
      throw error instanceof Fault ? failure("file", path, error) : error;
    }
  }

  async #fill(target: Bytes, shard: Shard, phase: Phase, signal: AbortSignal): Promise<void> {
    const other = this.#underway.get(shard.sha256);
    if (other) {
      target.set(await other);
      return;
    }
    const obtained = this.#obtain(target, shard, phase, signal).then(() => target);
    this.#underway.set(shard.sha256, obtained);
    try {
      await obtained;
    } finally {
      this.#underway.delete(shard.sha256);
    }
  }

  async #obtain(target: Bytes, shard: Shard, phase: Phase, signal: AbortSignal): Promise<void> {
    const { meter, keeper } = this.#options;
    if (await this.#slots.run(() => this.#fromStore(target, shard))) return meter.finish(phase, shard, true);
    const end = keeper.keeps ? await takeTurn(shard.sha256, signal) : null;
    try {
      // Another tab may have stored it since.
      if (end && (await this.#fromStore(target, shard))) {
        meter.finish(phase, shard, true);
        return end();
      }
      await this.#fromNetwork(target, shard, phase, signal);
    } catch (error) {
      end?.();
      throw error;
    }
    meter.finish(phase, shard, false);
    keeper.add(shard.sha256, target, end ?? nothing);
  }

  async #fromNetwork(target: Bytes, shard: Shard, phase: Phase, signal: AbortSignal): Promise<void> {
    const { meter, note, clock } = this.#options;
    const path = shardPath(shard);
    const onBytes = (count: number) => meter.add(phase, shard, count);
    const onFault = ({ message }: Fault) => {
      meter.undo(phase, shard);
      note(`${path} had to be fetched again: ${message}.`);
    };
    try {
      const attempt = (number: number) =>
        this.#slots.run(() => this.#download(path, shard, target, number, signal, onBytes));
      await withRetries(attempt, { signal, clock, onFault });
    } catch (error) {
      throw error instanceof Fault ? failure("shard", path, error) : error;
    }
  }

  /** True when the store had the shard and its bytes were right; a wrong one is dropped. */
  async #fromStore(target: Bytes, shard: Shard): Promise<boolean> {
    const { store, trace, note } = this.#options;
    const start = trace.now();
    try {
      const chunks = await store.read(shard.sha256);
      if (!chunks) return false;
      await decode(chunks, asStored, target);
      trace.add("cache-read", start, { shard: shard.sha256, bytes: shard.encoded_bytes });
      await this.#verify(target, shard);
      return true;
    } catch {
      // Whatever went wrong, the network has another copy.
      await store.drop(shard.sha256).catch(() => undefined);
      note(`A stored copy of ${shardPath(shard)} was damaged, so it is fetched again.`);
      return false;
    }
  }

  /** One attempt over the network. After a fault the browser's own HTTP cache is passed by: it may hold the bad bytes. */
  async #download(
    path: string,
    shard: Shard,
    target: Bytes,
    number: number,
    signal: AbortSignal,
    onBytes?: (count: number) => void,
  ): Promise<void> {
    const { trace, timeout } = this.#options;
    const cache = number === 0 ? "default" : "reload";
    const about = { shard: shard.sha256, bytes: shard.encoded_bytes };
    const start = trace.now();
    let received = start;
    const file = fetchFile(this.url(path), {
      signal,
      cache,
      bytes: shard.encoded_bytes,
      ...(timeout ? { timeout } : {}),
      ...(onBytes ? { onBytes } : {}),
    });
    const timed = async function* (): Chunks {
      try {
        yield* file;
      } finally {
        received = trace.now();
        trace.add("download", start, about);
      }
    };
    await decode(timed(), shard, target);
    trace.add("decode", received, { shard: shard.sha256 });
    await this.#verify(target, shard);
  }

  async #verify(bytes: Bytes, shard: Shard): Promise<void> {
    const found = await this.#options.trace.time("verify", () => sha256(bytes), { shard: shard.sha256 });
    if (found !== shard.sha256) throw new Fault("corrupt", "its SHA-256 is not the one that the manifest gives");
  }
}

function allocate(bytes: number): Bytes {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    const message = `The browser gave no ${Math.ceil(bytes / 2 ** 20)} MiB of memory for the model. Close other tabs, or use a smaller variant.`;
    throw new PackagerError("out-of-memory", message, { cause });
  }
}

function failure(what: "shard" | "file", path: string, fault: Fault): PackagerError {
  const found = fault.kind === "corrupt" ? "is not what the manifest says" : "could not be fetched";
  const remedy =
    fault.kind === "corrupt"
      ? "Upload the whole bundle again, byte for byte."
      : "Check the connection and that the whole bundle was uploaded, then try again.";
  return new PackagerError(`${what}-${fault.kind}`, `${path} ${found}: ${fault.message}. ${remedy}`, { cause: fault });
}
