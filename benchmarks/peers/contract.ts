// What every peer's page module offers, so that all are measured by the same code.

export type Dtype = "float32" | "int64" | "int32";

const arrays = { float32: Float32Array, int64: BigInt64Array, int32: Int32Array } as const;

export type Data = InstanceType<(typeof arrays)[Dtype]>;

export interface Tensor {
  data: Data;
  dims: readonly number[];
}

/** By name, in the order of the config. */
export type Tensors = Record<string, Tensor>;

export interface InputSpec {
  name: string;
  dtype: Dtype;
  dims: number[];
  /** Where its bytes lie. */
  url: string;
}

/** What the runner asks of a page, in its query. All URLs are relative to the page. */
export interface Config {
  /** Threads to compute with; the page is cross-origin isolated. */
  threads: number;
  /** The model's file, or folder, or manifest. */
  model: string;
  inputs: InputSpec[];
  /** Names of the outputs in the order of the ONNX model's. */
  outputs: string[];
  /** Settings of this peer alone. */
  options: Record<string, string>;
}

export interface Prepared {
  infer(inputs: Tensors): Promise<Tensors>;
  /** What ran: versions, threads, backends. */
  info: Record<string, string | number | boolean>;
}

/** Loads the engine (mark "engine" when it is ready) and the model. */
export type Prepare = (config: Config) => Promise<Prepared>;

/** One input from where the runner put it. */
export async function fetchInput({ name, dtype, dims, url }: InputSpec): Promise<[string, Tensor]> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return [name, { data: new arrays[dtype](await response.arrayBuffer()), dims }];
}

/** The value, or an error that says what is missing. */
export function required<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Error(`${what} is missing`);
  return value;
}
