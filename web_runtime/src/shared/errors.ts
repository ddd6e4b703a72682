// One error class for the whole runtime. It is recognised by name and code, since a class does not survive the worker border.

export type ErrorCode =
  | "aborted" // the caller's signal fired
  | "disposed" // the model was disposed
  | "manifest-unreachable" // no answer, or an HTTP error, for manifest.json
  | "manifest-invalid" // not JSON, or not what the schema says
  | "manifest-version" // a newer format than this runtime reads
  | "signature-invalid" // the bundle is not what the holder of the pinned key signed
  | "file-unreachable" // no answer, or an HTTP error, for a file of the runtime
  | "file-corrupt" // a file of the runtime arrived whole but with wrong bytes
  | "shard-unreachable" // no answer, or an HTTP error, for a shard, after all retries
  | "shard-corrupt" // a shard arrived whole but with wrong bytes, after all retries
  | "unsupported" // this browser lacks what every variant needs
  | "plan-invalid" // what the compiled engine is to run is not a plan, or asks for more than a plan may
  | "engine-failed" // the engine could not start or could not run
  | "input-invalid" // what was given to run or infer does not fit the signature or the task
  | "out-of-memory" // the browser refused memory
  | "worker-failed" // the worker could not start or died
  | "internal"; // a bug in this runtime

export class PackagerError extends Error {
  override readonly name = "PackagerError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export function abortedError({ reason }: AbortSignal): PackagerError {
  return new PackagerError("aborted", "The call was aborted.", { cause: reason });
}

/** What crosses the worker border in place of an error. */
export interface ErrorData {
  code: ErrorCode;
  message: string;
  stack?: string;
  cause?: ErrorData;
}

export function isPackagerError(value: unknown): value is PackagerError {
  return value instanceof Error && value.name === "PackagerError" && "code" in value;
}

export function toErrorData(value: unknown): ErrorData {
  const error = value instanceof Error ? value : new Error(String(value));
  return {
    code: isPackagerError(error) ? error.code : "internal",
    message: error.message,
    ...(error.stack ? { stack: error.stack } : {}),
    ...(error.cause === undefined ? {} : { cause: toErrorData(error.cause) }),
  };
}

export function fromErrorData(data: ErrorData): PackagerError {
  const error = new PackagerError(
    data.code,
    data.message,
    data.cause ? { cause: fromErrorData(data.cause) } : undefined,
  );
  if (data.stack) error.stack = data.stack;
  return error;
}
