// Scripts that a worker imports when it needs them.

import { PackagerError } from "../shared/errors.js";

/** A script of which nothing is there after so many milliseconds will not come. */
const patience = 60_000;

/**
 * The module, once its script is there.
 *
 * @throws {PackagerError} file-unreachable.
 */
export async function imported<T>(module: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("It did not come in time.")), patience);
  });
  try {
    return await Promise.race([module, late]);
  } catch (cause) {
    const remedy = "Check the connection and that the whole bundle was uploaded, then load the page again.";
    throw new PackagerError("file-unreachable", `${what} could not be loaded. ${remedy}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
