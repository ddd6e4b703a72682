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
  const view = new TextView(runner, texts.length > 1 ? texts : fallback);
  stage.replaceChildren(view.element);
  void view.refresh();
}

class TextView {
  readonly element: HTMLElement;
  readonly #runner: Runner;
  readonly #query: HTMLInputElement;
  readonly #lines: HTMLTextAreaElement;
  readonly #said = h("p", { class: "hint", id: "lines-said" });
  readonly #wrong = h("div");
  readonly #list = rankedList(limits.shown);
  readonly #vectors = new Map<string, Float32Array>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #latest = new AbortController();

  constructor(runner: Runner, [query = "", ...lines]: string[]) {
    this.#runner = runner;
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
    try {
      await this.#embed(query ? [query] : [], signal);
      for await (const done of this.#embedAll(lines, signal)) {
        this.#draw(query, lines);
        setText(this.#said, `Embedding: ${done} of ${count(lines.length, "line")}`);
      }
      this.#settle(query, lines);
      setText(
        this.#said,
        count(lines.length, "line") + (left > 0 ? `; the last ${left.toLocaleString("en")} are left out` : ""),
      );
    } catch (error) {
      if (!signal.aborted) showError(this.#wrong, error, () => void this.refresh());
    }
  }

  #later(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), pause);
  }

  #settle(query: string, lines: string[]): void {
    this.#draw(query, lines);
    markFirstResult();
    const [best] = rank(this.#vectors.get(query) ?? null, lines, this.#vectors);
    if (best && best.score !== null) say(`Most similar: ${best.text}, ${best.score.toFixed(2)}`, 1200);
  }

  #draw(query: string, lines: string[]): void {
    this.#list.show(rank(this.#vectors.get(query) ?? null, lines, this.#vectors));
  }

  async *#embedAll(lines: string[], signal: AbortSignal): AsyncGenerator<number> {
    const missing = lines.filter((line) => !this.#vectors.has(line));
    for (let i = 0; i < missing.length; i += limits.batch) {
      await this.#embed(missing.slice(i, i + limits.batch), signal);
      yield lines.length - Math.max(0, missing.length - i - limits.batch);
    }
  }

  /** Embeds the texts that have no vector yet. What was computed is kept even when nobody waits for it any more. */
  async #embed(texts: string[], signal: AbortSignal): Promise<void> {
    const missing = texts.filter((text) => !this.#vectors.has(text));
    if (missing.length === 0) return;
    const vectors = await this.#runner.run((model) => {
      signal.throwIfAborted();
      return (model as Model<"text-embedding">).run(missing);
    });
    vectors.forEach((vector, i) => {
      this.#vectors.set(missing[i] ?? "", vector);
    });
    signal.throwIfAborted();
  }

  /** Keeps the vectors few: the oldest that nobody shows go first. */
  #forget(wanted: Set<string>): void {
    for (const text of this.#vectors.keys()) {
      if (this.#vectors.size <= limits.vectors) return;
      if (!wanted.has(text)) this.#vectors.delete(text);
    }
  }
}
