// One attempt to fetch a file: its bytes as they come in, with every way in which a server can fail told apart.

import { bodyChunks, type Chunks } from "../../shared/decode.js";
import { Fault } from "../../shared/fault.js";
import { abortedError } from "./retry.js";

/** A connection on which nothing arrives for so many milliseconds is given up. */
export const stallTimeout = 20_000;

export interface FetchOptions {
  signal: AbortSignal;
  cache: RequestCache;
  /** Size of the file in bytes; what comes beyond it is not read. */
  bytes: number;
  onBytes?: (count: number) => void;
}

/**
 * The bytes of a file.
 *
 * @throws {Fault} `unreachable` where the server does not give them, `corrupt` where it gives more or fewer than there are.
 */
export async function* fetchFile(url: string, { signal, cache, bytes, onBytes }: FetchOptions): Chunks {
  const watch = new Watch(signal);
  try {
    const response = await watch.over(fetch(url, { signal: watch.signal, cache }));
    if (!response.ok) throw new Fault("unreachable", `the server answered ${response.status}`, retryAfter(response));
    let received = 0;
    for await (const chunk of bodyChunks(response, (next) => watch.over(next))) {
      received += chunk.length;
      if (received > bytes) throw new Fault("corrupt", `it is longer than ${bytes} bytes${page(response)}`);
      onBytes?.(chunk.length);
      yield chunk;
    }
    if (received < bytes) throw new Fault("corrupt", `it ended after ${received} of ${bytes} bytes${page(response)}`);
  } finally {
    watch.end();
  }
}

/** Hosts that answer every unknown address with their start page do so with status 200. */
function page(response: Response): string {
  return response.headers.get("content-type")?.startsWith("text/html") ? " and looks like a web page" : "";
}

/** Milliseconds that the Retry-After header asks for: seconds, or a date. */
function retryAfter(response: Response): number | null {
  const header = response.headers.get("retry-after");
  if (!header) return null;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : null;
}

/** Watches the steps of one request: cuts it when the caller gives up or nothing arrives any more. */
class Watch {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #onAbort = () => this.#controller.abort(this.#outer.reason);

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    if (outer.aborted) this.#onAbort();
    else outer.addEventListener("abort", this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The step's result; a failure of the network becomes a Fault. */
  async over<T>(step: Promise<T>): Promise<T> {
    let stalled = false;
    const timer = setTimeout(() => {
      stalled = true;
      this.#controller.abort();
    }, stallTimeout);
    try {
      return await step;
    } catch {
      if (this.#outer.aborted) throw abortedError(this.#outer);
      if (stalled) throw new Fault("unreachable", `nothing arrived for ${stallTimeout / 1000} seconds`);
      throw new Fault("unreachable", "the connection failed");
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void {
    this.#outer.removeEventListener("abort", this.#onAbort);
  }
}
