// The best classes as bars, in place: a row keeps its element, so that a live camera does not make the list flicker.

import type { Classification } from "../../../web_runtime/src/shared/api.js";
import { h, setText } from "../dom.js";
import { figure, percent } from "../format.js";

export interface ClassList {
  element: HTMLElement;
  show(best: readonly Classification[]): void;
}

/** `rows`: how many classes; `shares`: whether scores are shares of one, shown as percentages. */
export function classList(rows: number, shares: boolean): ClassList {
  const slots = Array.from({ length: rows }, () => {
    const label = h("span", { class: "class-label" });
    const score = h("span", { class: "class-score figure" });
    const bar = h("span", { class: "bar", "aria-hidden": "true" });
    return { element: h("li", {}, label, score, bar), label, score, bar };
  });
  const element = h("ol", { class: "classes" }, ...slots.map((slot) => slot.element));
  return {
    element,
    show(best) {
      const top = shares ? 1 : Math.max(...best.map(({ score }) => Math.abs(score)));
      slots.forEach((slot, i) => {
        const found = best[i];
        setText(slot.label, found?.label ?? "");
        setText(slot.score, found ? (shares ? percent(found.score) : figure(found.score)) : "");
        slot.bar.style.setProperty("--share", String(found ? Math.max(0, found.score / (top || 1)) : 0));
      });
    },
  };
}
