// One attempt to fetch a file of known size: its bytes as they come in.

import type { Chunks } from "../../shared/decode.js";
import { Fault } from "../../shared/fault.js";
import { fetchWatched, type WatchOptions } from "../../shared/watch.js";

export interface FetchOptions extends WatchOptions {
  /** Size of the file in bytes; what comes beyond it is not read. */
  bytes: number;
  onBytes?: (count: number) => void;
}

/**
 * The bytes of a file.
 *
 * @throws {Fault} `unreachable` where the server does not give them, `corrupt` where it gives more or fewer than there are.
 */
export async function* fetchFile(url: string, { bytes, onBytes, ...options }: FetchOptions): Chunks {
  const { response, chunks } = await fetchWatched(url, options);
  let received = 0;
  for await (const chunk of chunks) {
    received += chunk.length;
    if (received > bytes) throw new Fault("corrupt", `it is longer than ${bytes} bytes${page(response)}`);
    onBytes?.(chunk.length);
    yield chunk;
  }
  if (received < bytes) throw new Fault("corrupt", `it ended after ${received} of ${bytes} bytes${page(response)}`);
}

/** Hosts that answer every unknown address with their start page do so with status 200. */
function page(response: Response): string {
  return response.headers.get("content-type")?.startsWith("text/html") ? " and looks like a web page" : "";
}
