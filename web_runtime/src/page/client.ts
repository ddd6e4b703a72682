// The page's end of protocol.ts: sends calls to the worker and settles each with its one answer.

import type { LoadOptions, ModelInfo, Progress } from "../shared/api.js";
import { abortedError, fromErrorData, PackagerError } from "../shared/errors.js";
import type { Call, Calls, Loaded, ToPage, ToWorker } from "../shared/protocol.js";
import { scriptUrl } from "./script.js";

/** Where the build put the worker, relative to packager.js. */
declare const WORKER_URL: string;
const workerUrl = new URL(WORKER_URL, import.meta.url);
const absent = `${workerUrl} could not be started. Check the connection and that the whole bundle was uploaded.`;

/** `build` puts it in: the key of whoever signed the bundle, or nothing. */
const publicKey = "__PUBLIC_KEY__";

/** A worker that is busy or dead may not answer its last call; so many milliseconds are waited. */
const farewell = 5000;

/** A worker whose script is still not there after so many milliseconds will not come. */
const arrival = 60_000;

interface Pending {
  resolve: (result: Calls[Call]["result"]) => void;
  reject: (error: PackagerError) => void;
  onProgress: ((progress: Progress) => void) | undefined;
}

interface CallOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  /** What moves to the worker instead of being copied. */
  transfer?: Transferable[];
}

export class Client {
  /** Called when the worker has news of a model that is loaded already. */
  onInfo: (info: ModelInfo) => void = () => undefined;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #started = false;
  /** Why no call can succeed any more. */
  #end: PackagerError | null = null;

  constructor() {
    this.#worker = new Worker(scriptUrl(workerUrl), { type: "module", name: "packager" });
    this.#worker.onmessage = ({ data }: MessageEvent<ToPage>) => this.#receive(data);
    this.#worker.onmessageerror = () => this.#fail("An answer of the worker could not be read. Load the model again.");
    this.#worker.onerror = (event) => {
      event.preventDefault();
      const stopped = `The worker stopped: ${event.message}. Load the model again.`;
      this.#fail(event.message ? stopped : absent, event.error);
    };
  }

  load(manifestUrl: string, options: LoadOptions): Promise<Loaded> {
    const { onProgress, signal, variant, threads, race = true, timeout } = options;
    const clock = { timeOrigin: performance.timeOrigin, called: performance.now() };
    const params = { manifestUrl, publicKey, variant, threads, race, timeout, ...clock };
    const loading = this.call("load", params, { onProgress, signal });
    const timer = setTimeout(() => this.#started || this.#fail(absent), timeout ? 3 * timeout : arrival);
    return loading.finally(() => clearTimeout(timer));
  }

  /** The worker's answer to a call. Rejects with a PackagerError and with nothing else. */
  call<C extends Call>(call: C, params: Calls[C]["params"], options: CallOptions = {}): Promise<Calls[C]["result"]> {
    const { signal, onProgress, transfer = [] } = options;
    if (this.#end) return Promise.reject(this.#end);
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    const id = ++this.#lastId;
    const answer = new Promise<Calls[C]["result"]>((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject, onProgress });
    });
    const onAbort = () => {
      this.#send({ type: "abort", id });
      this.#take(id)?.reject(abortedError(signal as AbortSignal));
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      this.#send({ type: "call", id, call, params } as ToWorker, transfer);
    } catch (cause) {
      const message =
        "What was given cannot be sent to the worker: it holds something that cannot be copied, or was moved before.";
      this.#take(id)?.reject(new PackagerError("input-invalid", message, { cause }));
    }
    return answer.finally(() => signal?.removeEventListener("abort", onAbort));
  }

  /** Lets the worker finish what it has to store, and ends it. */
  async dispose(): Promise<void> {
    if (this.#end) return;
    const left = this.call("dispose", null);
    const last = this.#take(this.#lastId) as Pending;
    this.#close(new PackagerError("disposed", "The model was disposed. Load it again to use it."));
    this.#pending.set(this.#lastId, last);
    await Promise.race([left.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, farewell))]);
    this.#worker.terminate();
  }

  /**
   * For a worker that did not start: fetches its script past the HTTP cache, which may hold an error page in its place.
   * True when another attempt may succeed.
   */
  async refresh(): Promise<boolean> {
    if (this.#started || this.#end?.code !== "worker-failed") return false;
    const signal = AbortSignal.timeout(arrival / 3);
    const response = await fetch(workerUrl, { cache: "reload", signal }).catch(() => null);
    return response?.ok ?? false;
  }

  /** Ends the worker at once. */
  terminate(): void {
    this.#close(new PackagerError("disposed", "The model was disposed. Load it again to use it."));
    this.#worker.terminate();
  }

  #send(message: ToWorker, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: ToPage): void {
    this.#started = true;
    if (message.type === "info") this.onInfo(message.info);
    else if (message.type === "progress") this.#pending.get(message.id)?.onProgress?.(message.progress);
    else if (message.type === "result") this.#take(message.id)?.resolve(message.result);
    else this.#take(message.id)?.reject(fromErrorData(message.error));
  }

  /** The call, which is settled by whoever takes it. */
  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #fail(message: string, cause?: unknown): void {
    this.#close(new PackagerError("worker-failed", message, { cause }));
    this.#worker.terminate();
  }

  /** Rejects every call, those to come too. */
  #close(end: PackagerError): void {
    this.#end ??= end;
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(this.#end);
  }
}
