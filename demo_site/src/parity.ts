// How far a variant agrees with the original model, in plain words. Pure.

import type { Parity } from "../../web_runtime/src/shared/manifest.gen.js";
import { bound, count, percent } from "./format.js";

/** The figure that sums it up: "to 1.2e-6", "exactly". */
export function parityFigure({ outputs }: Parity): string {
  const worst = Math.max(...outputs.map(({ max_abs }) => max_abs));
  return worst === 0 ? "exact" : `to ${bound(worst)}`;
}

/** What the figure means and where it was measured, as sentences. */
export function paritySentence({ proof, runner, samples, generated, outputs }: Parity): string {
  const worst = Math.max(...outputs.map(({ max_abs }) => max_abs));
  const distance =
    worst === 0
      ? "Gives the very numbers of the original model"
      : `No number differs from the original model's by more than ${bound(worst)}`;
  const given = `over ${count(samples, generated ? "made-up sample" : "sample")}`;
  const shares = outputs.flatMap(({ top1 }) => (top1 === null ? [] : [top1]));
  const top = shares.length > 0 ? ` Same first choice in ${percent(Math.min(...shares))} of rows.` : "";
  const where = proof === "browser" ? `Proven in ${runner}.` : `Proven outside a browser, by ${runner}.`;
  return `${distance}, ${given}.${top} ${where}`;
}
