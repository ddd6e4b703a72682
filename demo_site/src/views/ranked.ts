// Ranked lines with score bars; a line that changes its place glides there.

import { h, setText } from "../dom.js";
import { count } from "../format.js";
import type { Ranked } from "../ranking.js";

export interface RankedList {
  element: HTMLElement;
  show(ranked: readonly Ranked[]): void;
}

interface Row {
  element: HTMLLIElement;
  score: HTMLElement;
  bar: HTMLElement;
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** `limit`: at most so many lines are shown. */
export function rankedList(limit: number): RankedList {
  const rows = new Map<string, Row>();
  const list = h("ol", { class: "ranked" });
  const more = h("p", { class: "hint" });
  return {
    element: h("div", {}, list, more),
    show(ranked) {
      const shown = ranked.slice(0, limit);
      const before = new Map([...rows].map(([text, { element }]) => [text, element.offsetTop]));
      const kept = new Set(shown.map(({ text }) => text));
      for (const text of [...rows.keys()]) if (!kept.has(text)) rows.delete(text);
      list.replaceChildren(...shown.map((line) => fill(rows, line)));
      if (!calm.matches) for (const [text, { element }] of rows) glide(element, before.get(text));
      setText(more, ranked.length > limit ? `and ${count(ranked.length - limit, "more line")}` : "");
    },
  };
}

function fill(rows: Map<string, Row>, { text, score }: Ranked): HTMLElement {
  const row = rows.get(text) ?? newRow(text);
  rows.set(text, row);
  setText(row.score, score === null ? "–" : score.toFixed(2).replace("-", "−"));
  row.bar.style.setProperty("--share", String(Math.max(0, score ?? 0)));
  return row.element;
}

function newRow(text: string): Row {
  const score = h("span", { class: "class-score figure" });
  const bar = h("span", { class: "bar", "aria-hidden": "true" });
  return { element: h("li", {}, h("span", { class: "class-label" }, text), score, bar), score, bar };
}

function glide(element: HTMLElement, from: number | undefined): void {
  const way = from === undefined ? 0 : from - element.offsetTop;
  if (way !== 0)
    element.animate([{ transform: `translateY(${way}px)` }, { transform: "none" }], {
      duration: 220,
      easing: "ease-out",
    });
}
