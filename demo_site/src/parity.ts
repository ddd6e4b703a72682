// How far a variant agrees with the original model, in plain words. Pure.

import type { Parity } from "../../web_runtime/src/shared/manifest.gen.js";
import { bound, count, percent } from "./format.js";

/** The figure that sums it up: "to 1.2e-6", "exact". */
export function parityFigure({ outputs }: Pick<Parity, "outputs">): string {
  const worst = Math.max(...outputs.map(({ max_abs }) => max_abs));
  return worst === 0 ? "exact" : `to ${bound(worst)}`;
}

/** What the figure means and where it was measured, as sentences. */
export function paritySentence({ proof, runner, samples, generated, outputs }: Parity): string {
  const given = count(samples, generated ? "made-up input" : "sample");
  const where = proof === "browser" ? `proven in ${major(runner)}` : `proven with ${major(runner)}, not in a browser`;
  const shares = outputs.flatMap(({ top1 }) => (top1 === null ? [] : [top1]));
  const lowest = Math.min(...shares);
  const top = shares.length > 0 && lowest < 1 ? ` Same first choice in ${percent(lowest)} of rows.` : "";
  const what =
    parityFigure({ outputs }) === "exact"
      ? "The very numbers of the original model"
      : "Largest difference from the original model";
  return `${what} over ${given}, ${where}.${top}`;
}

// "Chromium 156.0.7299.22" reads as "Chromium 156".
function major(runner: string): string {
  return runner.replace(/(\s\d+)\.\d+\.\d+\.\d+$/, "$1");
}
