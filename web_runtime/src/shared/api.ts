// The public types of the runtime, as a page sees them and as they cross to the worker.

import type { Dtype, Manifest } from "./manifest.gen.js";
import type { Tensor, Tensors } from "./tensor.js";

/** What a load is doing. Several phases run side by side; each is reported when it starts and as its bytes come in. */
export type Phase = "manifest" | "engine" | "weights" | "start" | "ready";

export interface Progress {
  phase: Phase;
  /** Encoded bytes done so far over all phases; those from the cache count at their encoded size. */
  loaded: number;
  /** Encoded bytes of all that this visit needs, known from the manifest. 0 before the manifest is read. */
  total: number;
  /** Of `loaded`, what came from the cache. */
  cached: number;
}

/** One span of a load or a run, in milliseconds on the page's `performance` clock. */
export interface Span {
  name: "manifest" | "engine-download" | "engine-start" | "download" | "decode" | "verify" | "cache-read" | "cache-write" | "session" | "preprocess" | "infer" | "postprocess" | "first-run";
  start: number;
  end: number;
  /** Encoded bytes, where the span moved any. */
  bytes?: number;
  /** The shard's SHA-256, where the span is about one. */
  shard?: string;
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
  threads: number;
  /** Why so many threads, in a sentence. */
  threadsReason: string;
  /** Where shards are kept between visits: `cache`, or `memory` (not at all) with the reason. */
  storage: "cache" | "memory";
  storageReason: string;
  /** Encoded bytes that came over the network and from the cache, shards only. */
  bytes: { network: number; cache: number };
  /** Things that a user should know, in sentences: a shard that had to be fetched twice, say. */
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
}

export type Picture = globalThis.Blob | ImageBitmap | ImageData | ImageBitmapSource;

export interface Classification {
  /** Index of the class. */
  index: number;
  /** The class's label, or its index as text where the bundle has no labels. */
  label: string;
  score: number;
}

/** What `run` takes, by task. */
export interface TaskInput {
  "image-classification": Picture;
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
  signal?: AbortSignal;
}

/** A loaded model. The generated packager.d.ts narrows `Inputs` and `Outputs` to the model's own names and dtypes. */
export interface Model<T extends Task = Task, Inputs = Tensors, Outputs = Tensors> {
  readonly info: ModelInfo;
  readonly manifest: Manifest;
  /** Milliseconds that the last `run` or `infer` took in the worker, by step. */
  readonly lastRun: RunTimes | null;
  run(input: TaskInput[T], options?: RunOptions): Promise<TaskOutput[T]>;
  infer(inputs: Inputs, options?: RunOptions): Promise<Outputs>;
  /** The bundle's own sample inputs of kind `tensors`, fetched and verified. */
  sample(name: string): Promise<Inputs>;
  dispose(): Promise<void>;
}

export interface RunTimes {
  preprocess: number;
  infer: number;
  postprocess: number;
}

export type { Dtype, Manifest, Tensor, Tensors };
