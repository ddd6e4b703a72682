// Where the time of a load went, on the page's clock.

import type { Span, SpanName } from "../shared/api.js";

export class Trace {
  readonly #offset: number;
  readonly #spans: Span[] = [];

  /** @param pageOrigin `performance.timeOrigin` of the page. */
  constructor(pageOrigin: number) {
    this.#offset = performance.timeOrigin - pageOrigin;
  }

  /** Spans so far, in order of their start. */
  get spans(): Span[] {
    return [...this.#spans].sort((a, b) => a.start - b.start);
  }

  /** Milliseconds on the page's clock. */
  now(): number {
    return performance.now() + this.#offset;
  }

  /** Notes a span that started at `start` and ends now. */
  add(name: SpanName, start: number, about: Pick<Span, "bytes" | "shard"> = {}): void {
    this.#spans.push({ name, start, end: this.now(), ...about });
  }

  /** Notes how long the work takes, whether it succeeds or not. */
  async time<T>(name: SpanName, work: () => Promise<T>, about: Pick<Span, "bytes" | "shard"> = {}): Promise<T> {
    const start = this.now();
    try {
      return await work();
    } finally {
      this.add(name, start, about);
    }
  }
}
