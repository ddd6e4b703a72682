// The last runs as a line.

import { s } from "./dom.js";
import { count, duration, median } from "./format.js";

const size = { width: 120, height: 28, runs: 40 };

export interface Sparkline {
  element: SVGSVGElement;
  /** Adds a run in milliseconds. */
  add(ms: number): void;
  /** "median 34 ms of 12 runs"; empty before the second run. */
  summary(): string;
}

export function sparkline(): Sparkline {
  const runs: number[] = [];
  const line = s("polyline", { "vector-effect": "non-scaling-stroke" });
  const dot = s("circle", { r: 2.5 });
  const element = s(
    "svg",
    { class: "sparkline", viewBox: `0 0 ${size.width} ${size.height}`, "aria-hidden": "true" },
    line,
    dot,
  );
  const draw = (): void => {
    const top = Math.max(...runs);
    const points = runs.map((ms, i) => [
      4 + (i / (size.runs - 1)) * (size.width - 8),
      size.height - 4 - (ms / top || 0) * (size.height - 8),
    ]);
    line.setAttribute("points", points.map(([x, y]) => `${x?.toFixed(1)},${y?.toFixed(1)}`).join(" "));
    const [x, y] = points.at(-1) ?? [0, 0];
    dot.setAttribute("cx", String(x));
    dot.setAttribute("cy", String(y));
  };
  return {
    element,
    add(ms) {
      runs.push(ms);
      if (runs.length > size.runs) runs.shift();
      draw();
    },
    summary: () => (runs.length < 2 ? "" : `median ${duration(median(runs))} of ${count(runs.length, "run")}`),
  };
}
