// text-embedding: lines ranked by their similarity to a query, as it is typed.

import type { Model } from "../../../web_runtime/src/shared/api.js";
import type { Manifest, TextSample } from "../../../web_runtime/src/shared/manifest.gen.js";
import { h, setText } from "../dom.js";
import { count } from "../format.js";
import { clearError, showError } from "../notice.js";
import { linesOf, rank } from "../ranking.js";
import { markFirstResult, type Runner } from "../runner.js";
import { say } from "../said.js";
import { rankedList } from "./ranked.js";

/** Lines past the limit are left out; a batch is what one run embeds, small so that typing is never kept waiting for long. */
const limits = { lines: 2000, batch: 8, shown: 50, vectors: 10_000 };
const pause = 120;

const fallback = [
  "How do I reset my password?",
  "I cannot log in to my account.",
  "Where is my parcel?",
  "The delivery is two days late.",
  "Please send me an invoice.",
  "A recipe for lemon cake",
];

export function mountText(stage: HTMLElement, manifest: Manifest, runner: Runner): void {
  const samples = manifest.samples
    .filter((sample): sample is TextSample => sample.kind === "text")
    .map(({ text }) => text.replace(/\s+/g, " "));
  const [first = "", ...rest] = samples.length > 1 ? samples : fallback;
  const query = h("input", { type: "search", id: "query", autocomplete: "off", spellcheck: "false", value: first });
  const lines = h("textarea", { id: "lines", rows: 10, spellcheck: "false" }, rest.join("\n"));
  const said = h("p", { class: "hint", id: "lines-said" });
  const wrong = h("div");
  const list = rankedList(limits.shown);
  lines.setAttribute("aria-describedby", said.id);

  const vectors = new Map<string, Float32Array>();
  let turn = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stale = new AbortController();

  const embed = async (texts: string[], signal: AbortSignal): Promise<void> => {
    const found = await runner.run((model) => {
      signal.throwIfAborted();
      return (model as Model<"text-embedding">).run(texts, { signal });
    });
    found.forEach((vector, i) => {
      vectors.set(texts[i] ?? "", vector);
    });
  };

  const refresh = async (): Promise<void> => {
    const mine = ++turn;
    stale.abort();
    stale = new AbortController();
    clearError(wrong);
    const wanted = query.value.trim();
    const { lines: texts, left } = linesOf(lines.value, limits.lines);
    const draw = (): void => list.show(rank(wanted ? (vectors.get(wanted) ?? null) : null, texts, vectors));
    forget(vectors, new Set([wanted, ...texts]));
    draw();
    try {
      if (wanted && !vectors.has(wanted)) await embed([wanted], stale.signal);
      let missing = texts.filter((text) => !vectors.has(text));
      while (missing.length > 0 && mine === turn) {
        setText(said, `Embedding: ${texts.length - missing.length} of ${count(texts.length, "line")}`);
        await embed(missing.slice(0, limits.batch), stale.signal);
        missing = missing.slice(limits.batch);
        if (mine === turn) draw();
      }
      if (mine !== turn) return;
      draw();
      setText(
        said,
        `${count(texts.length, "line")}${left > 0 ? `; the last ${left.toLocaleString("en")} are left out` : ""}`,
      );
      announce(wanted, texts);
    } catch (error) {
      if (mine === turn) showError(wrong, error, () => void refresh());
    }
  };

  const announce = (wanted: string, texts: string[]): void => {
    markFirstResult();
    const [best] = rank(vectors.get(wanted) ?? null, texts, vectors);
    if (best && best.score !== null) say(`Most similar: ${best.text}, ${best.score.toFixed(2)}`, 1200);
  };

  const later = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void refresh(), pause);
  };
  query.addEventListener("input", later);
  lines.addEventListener("input", later);
  stage.replaceChildren(
    h(
      "div",
      { class: "text-view" },
      h("div", { class: "query" }, h("label", { for: "query" }, "Query"), query),
      h("div", { class: "ranking" }, h("h3", {}, "Most similar first"), list.element, wrong),
      h("div", { class: "lines" }, h("label", { for: "lines" }, "Lines to rank, one each"), lines, said),
    ),
  );
  void refresh();
}

/** Keeps the cache of vectors small: the oldest that nobody shows go first. */
function forget(vectors: Map<string, Float32Array>, wanted: Set<string>): void {
  for (const text of vectors.keys()) {
    if (vectors.size <= limits.vectors) return;
    if (!wanted.has(text)) vectors.delete(text);
  }
}
