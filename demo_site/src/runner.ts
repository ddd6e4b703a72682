// The one way from a view to the model: waits until it is there, tells the page about every run.

import type { Model, RunTimes } from "../../web_runtime/src/shared/api.js";
import { PackagerError } from "../packager.js";

export interface Listener {
  onRun(model: Model, times: RunTimes): void;
  /** The model's worker is gone, and what is asked from now on waits for another model. */
  onLost(): void;
}

export class Runner {
  readonly #listener: Listener;
  #model!: Promise<Model>;
  #arrive!: (model: Model) => void;

  constructor(listener: Listener) {
    this.#listener = listener;
    this.#await();
  }

  /** Hands over the model, the first or the one after it. */
  give(model: Model): void {
    this.#arrive(model);
  }

  /** Does the work once a model is there. */
  async run<T>(work: (model: Model) => Promise<T>): Promise<T> {
    const waited = this.#model;
    const model = await waited;
    try {
      const output = await work(model);
      if (model.lastRun) this.#listener.onRun(model, model.lastRun);
      return output;
    } catch (error) {
      if (error instanceof PackagerError && error.code === "worker-failed" && waited === this.#model) {
        this.#await();
        this.#listener.onLost();
      }
      throw error;
    }
  }

  #await(): void {
    this.#model = new Promise((resolve) => {
      this.#arrive = resolve;
    });
  }
}

let marked = false;

/** Marks when the first result is on the screen, for measurements: after the frame that paints it. */
export function markFirstResult(): void {
  if (marked) return;
  marked = true;
  requestAnimationFrame(() => setTimeout(() => performance.mark("packager:first-result")));
}
