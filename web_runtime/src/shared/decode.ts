// From the bytes of a shard's file to its content, while they come in, straight into the place where the content belongs.

import { Fault } from "./fault.js";
import type { Shard } from "./manifest.gen.js";

export type Chunks = AsyncIterable<Uint8Array<ArrayBuffer>>;

/** How the bytes lie in the file. */
export type Coding = Pick<Shard, "encoding" | "filter">;

const strides = { none: 1, shuffle2: 2, shuffle4: 4, shuffle8: 8 } as const satisfies Record<Shard["filter"], number>;

/**
 * Fills `target`, whose length is the shard's decoded size and a hard limit: more or fewer bytes are a fault. When this
 * settles, nothing writes to `target` any more.
 */
export async function decode(chunks: Chunks, { encoding, filter }: Coding, target: Uint8Array): Promise<void> {
  const scatter = new Scatter(target, strides[filter]);
  if (encoding === "gzip") await gunzip(chunks, scatter);
  else for await (const chunk of chunks) scatter.write(chunk);
  scatter.end();
}

/** The bytes of a response's body, read step by step. */
export async function* bodyChunks(
  response: Response,
  step: <T>(next: Promise<T>) => Promise<T> = (next) => next,
): Chunks {
  if (!response.body) return;
  const reader = response.body.getReader();
  try {
    for (let next = await step(reader.read()); !next.done; next = await step(reader.read())) yield next.value;
  } finally {
    // Also when the caller wants no more: the rest is not downloaded.
    reader.cancel().catch(() => undefined);
  }
}

async function gunzip(chunks: Chunks, scatter: Scatter): Promise<void> {
  const { readable, writable } = new DecompressionStream("gzip");
  const complaint = new Fault("corrupt", "it is not valid gzip");
  const feeding = feed(chunks, writable.getWriter(), complaint);
  const draining = drain(readable.getReader(), scatter, complaint);
  // Both ends have to stop before an answer: what runs on would write into the target of the next attempt.
  const ends = await Promise.allSettled([feeding, draining]);
  const reasons = ends.flatMap((end) => (end.status === "rejected" ? [end.reason] : []));
  // When one end stops for a reason of its own, the other hears of it as a complaint of the decoder.
  if (reasons.length > 0) throw reasons.find((reason) => reason !== complaint) ?? complaint;
}

async function feed(
  chunks: Chunks,
  writer: WritableStreamDefaultWriter<BufferSource>,
  complaint: Fault,
): Promise<void> {
  const complain = () => Promise.reject(complaint);
  let started = false;
  try {
    for await (const chunk of chunks) {
      if (!started && chunk.length > 0) checkStart(chunk);
      started ||= chunk.length > 0;
      await writer.write(chunk).catch(complain);
    }
    await writer.close().catch(complain);
  } catch (error) {
    await writer.abort(error).catch(() => undefined);
    throw error;
  }
}

/** Hosts that answer every unknown address with a page of theirs do so with status 200: that deserves better words. */
function checkStart(chunk: Uint8Array): void {
  const [start] = chunk;
  if (start === 0x3c) throw new Fault("corrupt", "the server sent a web page in its place");
  if (start !== 0x1f) throw new Fault("corrupt", "it is not gzip");
}

async function drain(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  scatter: Scatter,
  complaint: Fault,
): Promise<void> {
  const read = () => reader.read().catch(() => Promise.reject(complaint));
  try {
    for (let step = await read(); !step.done; step = await read()) scatter.write(step.value);
  } catch (error) {
    await reader.cancel(error).catch(() => undefined);
    throw error;
  }
}

/** Puts decoded bytes where they belong: one after another, or from byte planes back into elements of `stride` bytes. */
class Scatter {
  readonly #target: Uint8Array;
  readonly #stride: number;
  readonly #elements: number;
  #position = 0;

  constructor(target: Uint8Array, stride: number) {
    if (target.length % stride !== 0) {
      throw new Fault(
        "corrupt",
        `the manifest gives it ${target.length} bytes, which are not whole elements of ${stride}`,
      );
    }
    this.#target = target;
    this.#stride = stride;
    this.#elements = target.length / stride;
  }

  write(chunk: Uint8Array): void {
    if (this.#position + chunk.length > this.#target.length) {
      throw new Fault("corrupt", `it holds more than the ${this.#target.length} bytes that the manifest gives`);
    }
    if (this.#stride === 1) this.#target.set(chunk, this.#position);
    else this.#unshuffle(chunk);
    this.#position += chunk.length;
  }

  /** Element `i` of plane `p` is byte `p` of element `i`. */
  #unshuffle(chunk: Uint8Array): void {
    const target = this.#target;
    const stride = this.#stride;
    let from = 0;
    while (from < chunk.length) {
      const position = this.#position + from;
      const plane = Math.floor(position / this.#elements);
      const element = position % this.#elements;
      const count = Math.min(chunk.length - from, this.#elements - element);
      let to = element * stride + plane;
      for (const end = from + count; from < end; from++, to += stride) target[to] = chunk[from] as number;
    }
  }

  end(): void {
    if (this.#position < this.#target.length) {
      throw new Fault("corrupt", `it ended after ${this.#position} of ${this.#target.length} bytes`);
    }
  }
}
