// How long each phase of a load took, from the runtime's spans. Pure.

import type { ModelInfo } from "../../web_runtime/src/shared/api.js";

type Trace = ModelInfo["trace"];

const spans = {
  manifest: ["manifest"],
  engine: ["engine-download", "engine-start", "warm-up"],
  weights: ["download", "decode", "verify", "cache-read"],
  start: ["session"],
} satisfies Record<string, Trace[number]["name"][]>;

export type LoadPhase = keyof typeof spans;

/** Milliseconds from the first to the last moment of each phase, which overlap; null where the trace has none of its spans. */
export function phaseTimes(trace: Trace): Record<LoadPhase, number | null> {
  const time = (names: readonly string[]): number | null => {
    const own = trace.filter(({ name }) => names.includes(name));
    return own.length === 0
      ? null
      : Math.max(...own.map(({ end }) => end)) - Math.min(...own.map(({ start }) => start));
  };
  return {
    manifest: time(spans.manifest),
    engine: time(spans.engine),
    weights: time(spans.weights),
    start: time(spans.start),
  };
}
