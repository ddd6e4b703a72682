// The one way from a view to the model: waits until it is there, tells the page about every run.

import type { Model, RunTimes } from "../../web_runtime/src/shared/api.js";

export interface Runner {
  /** Does the work once a model is there. */
  run<T>(work: (model: Model) => Promise<T>): Promise<T>;
  /** Hands over the model, the first or the one after it. */
  give(model: Model): void;
}

export function createRunner(onRun: (model: Model, times: RunTimes) => void): Runner {
  let model: Model | null = null;
  let arrived: () => void;
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  return {
    async run(work) {
      await arrival;
      const current = model as Model;
      const output = await work(current);
      if (current.lastRun) onRun(current, current.lastRun);
      return output;
    },
    give(next) {
      model = next;
      arrived();
    },
  };
}

let marked = false;

/** Marks when the first result is on the screen, for measurements: after the frame that paints it. */
export function markFirstResult(): void {
  if (marked) return;
  marked = true;
  requestAnimationFrame(() => setTimeout(() => performance.mark("packager:first-result")));
}
