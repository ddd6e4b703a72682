// How this engine says no: a plan is data from the network, so whatever is wrong with it ends in an error with a code.

import { type ErrorCode, PackagerError } from "../../src/shared/errors.js";

/** An error for a plan that is not one, or that asks for what no plan may ask for. */
export function refused(what: string, code: ErrorCode = "plan-invalid"): PackagerError {
  return new PackagerError(code, `The model's plan cannot be run: ${what}. Build the bundle again.`);
}

/** An error for inputs whose dims the plan has no way with. */
export function unfit(what: string): PackagerError {
  return new PackagerError("input-invalid", `The model cannot be run on inputs of these dims: ${what}.`);
}

/** An error for memory that the browser does not give. */
export function exhausted(bytes: number, cause?: unknown): PackagerError {
  const message = `The model needs ${Math.ceil(bytes / 2 ** 20)} MiB of memory, which the browser does not give. Close other tabs, or give smaller inputs.`;
  return new PackagerError("out-of-memory", message, cause === undefined ? {} : { cause });
}
