// The last runs as a line, the newest at the right.

import { s } from "./dom.js";
import { count, duration, median } from "./format.js";

const size = { width: 112, height: 28, margin: 3, runs: 40 };

export class Sparkline {
  readonly element: SVGSVGElement;
  readonly #runs: number[] = [];
  readonly #line = s("polyline");
  readonly #dot = s("circle", { r: 2.5 });

  constructor() {
    const viewBox = `0 0 ${size.width} ${size.height}`;
    this.element = s("svg", { class: "sparkline", viewBox, "aria-hidden": "true" }, this.#line, this.#dot);
  }

  /** Adds a run in milliseconds. */
  add(ms: number): void {
    this.#runs.push(ms);
    if (this.#runs.length > size.runs) this.#runs.shift();
    const points = this.#runs.map((run, i) => this.#point(run, this.#runs.length - 1 - i));
    this.#line.setAttribute("points", points.map((point) => point.join(",")).join(" "));
    const [x = 0, y = 0] = points.at(-1) ?? [];
    this.#dot.setAttribute("cx", String(x));
    this.#dot.setAttribute("cy", String(y));
  }

  /** "median 34 ms of 12 runs"; empty before the second run. */
  summary(): string {
    return this.#runs.length < 2 ? "" : `median ${duration(median(this.#runs))} of ${count(this.#runs.length, "run")}`;
  }

  #point(ms: number, age: number): number[] {
    const { width, height, margin, runs } = size;
    const x = width - margin - (age / (runs - 1)) * (width - 2 * margin);
    const y = height - margin - (ms / Math.max(...this.#runs) || 0) * (height - 2 * margin);
    return [Math.round(x * 10) / 10, Math.round(y * 10) / 10];
  }
}
