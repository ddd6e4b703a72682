// When to try again, and after how long.

import { abortedError } from "../../shared/errors.js";
import { Fault } from "../../shared/fault.js";

export interface Clock {
  /** Resolves after so many milliseconds, or rejects when the signal fires. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** From 0 to below 1. */
  random(): number;
}

export const realClock: Clock = {
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(abortedError(signal));
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, milliseconds);
      signal.addEventListener("abort", stop, { once: true });
    }),
  random: Math.random,
};

/** How often to try in all, and the wait in milliseconds after the first fault; it triples with each further one. */
export const patience = { attempts: 4, firstWait: 300, longestWait: 15_000 } as const;

export interface RetryOptions {
  signal: AbortSignal;
  clock: Clock;
  onFault?: (fault: Fault) => void;
  /** True of a fault after which there is no sense in another attempt. */
  isFinal?: (fault: Fault) => boolean;
}

/**
 * The result of the first attempt that does not end in a Fault. Waits grow and are spread at random, so that many visitors
 * do not come back at the same moment; a server's Retry-After is honoured.
 *
 * @throws the last Fault, an error that is not a Fault at once, or `aborted`.
 */
export async function withRetries<T>(
  attempt: (number: number) => Promise<T>,
  { signal, clock, onFault, isFinal }: RetryOptions,
): Promise<T> {
  for (let number = 0; ; number++) {
    if (signal.aborted) throw abortedError(signal);
    try {
      return await attempt(number);
    } catch (error) {
      if (signal.aborted) throw abortedError(signal);
      if (!(error instanceof Fault)) throw error;
      onFault?.(error);
      if (number + 1 >= patience.attempts || isFinal?.(error)) throw error;
      await clock.sleep(waitAfter(number, error, clock), signal);
    }
  }
}

function waitAfter(number: number, { retryAfter }: Fault, clock: Clock): number {
  const backoff = patience.firstWait * 3 ** number * (0.5 + clock.random());
  return Math.min(Math.max(backoff, retryAfter ?? 0), patience.longestWait);
}
