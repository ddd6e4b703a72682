// text-embedding: lines ranked by their similarity to a query, as it is typed.

import type { Model } from "../../../web_runtime/src/shared/api.js";
import type { Manifest, TextEmbedding, TextSample } from "../../../web_runtime/src/shared/manifest.gen.js";
import { h, setText } from "../dom.js";
import { count } from "../format.js";
import { clearError, showError } from "../notice.js";
import { linesOf, type Ranked, rank } from "../ranking.js";
import { markFirstResult, type Runner } from "../runner.js";
import { say } from "../said.js";
import { rankedList } from "./ranked.js";

/** Lines past the limit are left out. A batch is what one run embeds: small, so that typing is not kept waiting. */
const limits = { lines: 2000, batch: 8, shown: 20, vectors: 10_000 };

/** Milliseconds without a key after which the query counts as typed. */
const pause = 120;

/** What the page starts with where the bundle brings no texts. */
const fallback = [
  "My parcel has not arrived",
  "How do I reset my password?",
  "I cannot log in to my account.",
  "The delivery is two days late.",
  "Please send me an invoice.",
  "A recipe for lemon cake",
];

export function mountText(stage: HTMLElement, manifest: Manifest, runner: Runner): void {
  const samples = manifest.samples.filter((sample): sample is TextSample => sample.kind === "text");
  const texts = samples.map(({ text }) => text.replace(/\s+/g, " "));
  // Without a mask a model takes padding for text, so that the answer would depend on what else is in the batch.
  const { inputs } = (manifest.task as TextEmbedding).preprocess;
  const view = new TextView(runner, inputs.mask === null ? 1 : limits.batch, texts.length > 1 ? texts : fallback);
  stage.replaceChildren(view.element);
  void view.refresh();
}

class TextView {
  readonly element: HTMLElement;
  readonly #runner: Runner;
  readonly #batch: number;
  readonly #query: HTMLInputElement;
  readonly #lines: HTMLTextAreaElement;
  readonly #said = h("p", { class: "hint", id: "lines-said" });
  readonly #wrong = h("div");
  readonly #list = rankedList(limits.shown);
  readonly #vectors = new Map<string, Float32Array>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #latest = new AbortController();

  constructor(runner: Runner, batch: number, [query = "", ...lines]: string[]) {
    this.#runner = runner;
    this.#batch = batch;
    const later = (): void => this.#later();
    this.#query = h("input", { type: "search", id: "query", autocomplete: "off", value: query, input: later });
    this.#lines = h(
      "textarea",
      { id: "lines", rows: 10, "aria-describedby": "lines-said", input: later },
      lines.join("\n"),
    );
    this.element = h(
      "div",
      { class: "text-view" },
      h("div", { class: "query" }, h("label", { for: "query" }, "Query"), this.#query),
      h("div", { class: "ranking" }, h("h2", {}, "Most similar first"), this.#list.element, this.#wrong),
      h("div", { class: "lines" }, h("label", { for: "lines" }, "Lines to rank, one each"), this.#lines, this.#said),
    );
  }

  /** Ranks what is known at once, then what had to be embedded; gives way to a newer call. */
  async refresh(): Promise<void> {
    this.#latest.abort();
    this.#latest = new AbortController();
    const { signal } = this.#latest;
    clearError(this.#wrong);
    const query = this.#query.value.trim();
    const { lines, left } = linesOf(this.#lines.value, limits.lines);
    this.#forget(new Set([query, ...lines]));
    this.#draw(query, lines);
    // The query comes first, so that already the first batch can be ranked.
    const texts = query ? [query, ...lines] : lines;
    try {
      for await (const done of this.#embed(texts, signal)) {
        this.#draw(query, lines);
        setText(this.#said, `Embedding: ${done} of ${count(texts.length, "text")}`);
      }
      this.#settle(query, lines, left);
    } catch (error) {
      if (!signal.aborted) showError(this.#wrong, error, () => void this.refresh());
    }
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), pause);
  }

  #settle(query: string, lines: string[], left: number): void {
    setText(
      this.#said,
      count(lines.length, "line") + (left > 0 ? `; ${left.toLocaleString("en")} more are left out` : ""),
    );
    const [best] = this.#draw(query, lines);
    if (best && best.score !== null) say(`Most similar: ${best.text}, ${best.score.toFixed(2)}`, 1200);
  }

  #draw(query: string, lines: string[]): Ranked[] {
    const ranked = rank(this.#vectors.get(query) ?? null, lines, this.#vectors);
    this.#list.show(ranked);
    if (ranked.some(({ score }) => score !== null)) markFirstResult();
    return ranked;
  }

  /** Embeds the texts that have no vector yet, batch by batch, and says how many texts have one. Throws once aborted. */
  async *#embed(texts: string[], signal: AbortSignal): AsyncGenerator<number> {
    const missing = [...new Set(texts)].filter((text) => !this.#vectors.has(text));
    for (let i = 0; i < missing.length; i += this.#batch) {
      const batch = missing.slice(i, i + this.#batch);
      const vectors = await this.#runner.run((model) => {
        signal.throwIfAborted();
        return (model as Model<"text-embedding">).run(batch);
      });
      // What was computed is kept even when nobody waits for it any more.
      for (const [j, vector] of vectors.entries()) this.#vectors.set(batch[j] ?? "", vector);
      signal.throwIfAborted();
      yield texts.length - Math.max(0, missing.length - i - this.#batch);
    }
  }

  /** Keeps the vectors few: the oldest that nobody shows go first. */
  #forget(wanted: Set<string>): void {
    for (const text of this.#vectors.keys()) {
      if (this.#vectors.size <= limits.vectors) return;
      if (!wanted.has(text)) this.#vectors.delete(text);
    }
  }
}
