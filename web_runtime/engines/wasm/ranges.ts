// Which bytes of the weights are there.

/** From the first byte to before the last. */
export type Range = readonly [number, number];

export class Ranges {
  /** Apart from each other and in order. */
  #held: Range[] = [];

  add([from, to]: Range): void {
    const apart = this.#held.filter(([start, end]) => end < from || start > to);
    const touching = this.#held.filter(([start, end]) => end >= from && start <= to);
    const whole: Range = [
      Math.min(from, ...touching.map(([start]) => start)),
      Math.max(to, ...touching.map(([, end]) => end)),
    ];
    this.#held = [...apart, whole].sort(([a], [b]) => a - b);
  }

  holds([from, to]: Range): boolean {
    return from === to || this.#held.some(([start, end]) => start <= from && to <= end);
  }
}
