// A request that is watched: cut when its caller gives up, or when next to nothing arrives any more.

import { bodyChunks, type Chunks } from "./decode.js";
import { abortedError } from "./errors.js";
import { Fault } from "./fault.js";

/** How many milliseconds a connection may take for the head of an answer, and then for each `leastBytes` of its body. */
export const stallTimeout = 20_000;

/** A line this slow would never bring a model, but might keep a page waiting for ever. */
const leastBytes = 1024;

export interface WatchOptions {
  signal?: AbortSignal;
  cache: RequestCache;
  /** In place of `stallTimeout`. */
  timeout?: number;
}

/**
 * The answer of a server: its head at once, its body as it comes in.
 *
 * @throws {Fault} `unreachable` where the connection fails or stalls or the answer is not a 2xx; from the chunks too.
 */
export async function fetchWatched(
  url: string,
  { signal, cache, timeout = stallTimeout }: WatchOptions,
): Promise<{ response: Response; chunks: Chunks }> {
  const watch = new Watch(signal, timeout);
  try {
    const response = await watch.over(fetch(url, { signal: watch.signal, cache }));
    if (response.ok) return { response, chunks: watch.body(response) };
    throw new Fault("unreachable", `the server answered ${response.status}`, retryAfter(response), response.status);
  } catch (error) {
    watch.end();
    throw error;
  }
}

/** Milliseconds that the Retry-After header asks for: seconds, or a date. */
function retryAfter(response: Response): number | null {
  const header = response.headers.get("retry-after");
  if (!header) return null;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : null;
}

class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timeout: number;
  readonly #onAbort = () => this.#controller.abort(this.#outer?.reason);
  /** Milliseconds of waiting that are left until `leastBytes` have come. */
  #left: number;
  #bytes = 0;

  constructor(outer: AbortSignal | undefined, timeout: number) {
    this.#outer = outer;
    this.#timeout = this.#left = timeout;
    if (outer?.aborted) this.#onAbort();
    else outer?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The step's result; a failure of the network becomes a Fault. Only the waiting counts, not what is done between steps. */
  async over<T>(step: Promise<T>): Promise<T> {
    const start = performance.now();
    let stalled = false;
    const timer = setTimeout(() => {
      stalled = true;
      this.#controller.abort();
    }, this.#left);
    try {
      return await step;
    } catch {
      if (this.#outer?.aborted) throw abortedError(this.#outer);
      if (stalled) throw new Fault("unreachable", `next to nothing arrived for ${this.#timeout / 1000} seconds`);
      throw new Fault("unreachable", "the connection failed");
    } finally {
      clearTimeout(timer);
      this.#left -= performance.now() - start;
    }
  }

  async *body(response: Response): Chunks {
    this.#left = this.#timeout;
    try {
      for await (const chunk of bodyChunks(response, (next) => this.over(next))) {
        this.#bytes += chunk.length;
        if (this.#bytes >= leastBytes) {
          this.#bytes = 0;
          this.#left = this.#timeout;
        }
        yield chunk;
      }
    } finally {
      this.end();
    }
  }

  end(): void {
    this.#outer?.removeEventListener("abort", this.#onAbort);
  }
}
