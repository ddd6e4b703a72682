// The public types of the runtime, as a page sees them and as they cross to the worker.

import type { Dtype, Manifest } from "./manifest.gen.js";
import type { Tensor, Tensors } from "./tensor.js";

/** What a load is doing. Several phases run side by side; each is reported when it starts and as its bytes come in. */
export type Phase = "manifest" | "engine" | "weights" | "start" | "ready";

export interface Progress {
  phase: Phase;
  /** Encoded bytes done so far over all phases; those from the cache count at their encoded size. */
  loaded: number;
  /** Encoded bytes of all shards that this load needs, known from the manifest. 0 before the manifest is read. */
  total: number;
  /** Of `loaded`, what came from the cache. */
  cached: number;
}

/**
 * What a span of time went into. Spans overlap: shards come side by side, and the engine starts meanwhile.
 *
 * - worker-start: from the call of `load` until the worker took it
 * - manifest: fetched, read and checked
 * - engine-download: the engine's scripts and module, until all of them are there
 * - engine-start: its WebAssembly module compiled and its threads started
 * - warm-up: the plan read and the module's code made fast, while weights come in
 * - download, decode, verify, cache-read, cache-write: of one shard; it is decoded as it comes in, so that `decode` is only
 *   what was left to do after the last byte
 * - task: labels read, tokenizer set up
 * - session: graph and weights handed over and made ready
 * - self-test: one sample run on a graphics card, and held against the original's answer
 * - first-run: the first `run` or `infer` after the load
 */
export type SpanName =
  | "worker-start"
  | "manifest"
  | "engine-download"
  | "engine-start"
  | "warm-up"
  | "download"
  | "decode"
  | "verify"
  | "cache-read"
  | "cache-write"
  | "task"
  | "session"
  | "self-test"
  | "first-run";

/** One span of a load, in milliseconds on the page's `performance` clock. */
export interface Span {
  name: SpanName;
  start: number;
  end: number;
  /** Encoded bytes, where the span moved any. */
  bytes?: number;
  /** The shard's SHA-256, where the span is about one. */
  shard?: string;
}

/** What computes. */
export interface Device {
  /** software-gpu: the processor in the place of a graphics card. */
  kind: "cpu" | "gpu" | "software-gpu";
  /** As the browser names it; empty where it does not. */
  name: string;
}

export interface ModelInfo {
  /** Bundle id. */
  id: string;
  name: string;
  task: Manifest["task"]["kind"];
  variant: string;
  target: Manifest["variants"][number]["target"];
  precision: Manifest["variants"][number]["precision"];
  /** Why this variant was taken, in a sentence. */
  reason: string;
  device: Device;
  threads: number;
  /** Why so many threads, in a sentence. */
  threadsReason: string;
  /** Where shards are kept between visits: `cache`; or `memory`, where some or all of them have to be fetched again. */
  storage: "cache" | "memory";
  storageReason: string;
  /** Encoded bytes that came over the network and from the cache, shards only. */
  bytes: { network: number; cache: number };
  /** Things that a user should know, in sentences: a shard that had to be fetched twice, a variant that was set aside. */
  notes: string[];
  /** Spans of the load, in order of their start. */
  trace: Span[];
}

export interface LoadOptions {
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
  /** Take this variant by its id, whatever would be chosen. */
  variant?: string;
  /** At most so many threads. */
  threads?: number;
  /** False: the first variant that this device can run, whatever was measured on it, and no measuring in the background. */
  race?: boolean;
  /**
   * A download of which next to nothing arrives for so many milliseconds is given up and tried again, three times at most.
   * 20,000 unless given.
   */
  timeout?: number;
}

/** A picture as the worker takes it; the page makes one of whatever else shows a picture: an <img>, a <video>, a canvas. */
export type Picture = Blob | ImageBitmap | ImageData | VideoFrame;

export interface Classification {
  /** Index of the class. */
  index: number;
  /** The class's label, or its index as text where the bundle has no labels. */
  label: string;
  score: number;
}

/** What `run` takes, by task. */
export interface TaskInput {
  "image-classification": Picture | ImageBitmapSource;
  "text-embedding": string | readonly string[];
  tensor: Tensors;
}

/** What `run` gives, by task: the best classes first; one vector a text; the outputs by name. */
export interface TaskOutput {
  "image-classification": Classification[];
  "text-embedding": Float32Array[];
  tensor: Tensors;
}

export type Task = keyof TaskInput;

export interface RunOptions {
  /** Drops a run that has not started yet, and the answer of one that has. */
  signal?: AbortSignal;
  /**
   * Moves the arrays and bitmaps of the input to the worker instead of copying them: faster for large ones, but they are
   * empty afterwards. What comes back is always moved.
   */
  transfer?: boolean;
}

/** A loaded model. The generated packager.d.ts narrows `Inputs` and `Outputs` to the model's own names and dtypes. */
export interface Model<T extends Task = Task, Inputs = Tensors, Outputs = Tensors> {
  readonly info: ModelInfo;
  readonly manifest: Manifest;
  /** Milliseconds that the last `run` or `infer` took in the worker, by step. */
  readonly lastRun: RunTimes | null;
  /** Pre-processing, inference and post-processing of the task. Runs queue one after another. */
  run(input: TaskInput[T], options?: RunOptions): Promise<TaskOutput[T]>;
  /** Tensors in, tensors out. */
  infer(inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  /** The bundle's own sample inputs of kind `tensors`, fetched and verified. */
  sample(name: string): Promise<Inputs>;
  /**
   * Asks the browser to keep what this site stores also when the device runs short. Call it on a click: some browsers ask the
   * visitor. True where it is kept for good, false where the browser did not agree.
   */
  persist(): Promise<boolean>;
  /** Ends the worker and frees all memory. Calls that wait are rejected with the code `disposed`. */
  dispose(): Promise<void>;
}

export interface RunTimes {
  preprocess: number;
  infer: number;
  postprocess: number;
}

export type { Dtype, Manifest, Tensor, Tensors };
