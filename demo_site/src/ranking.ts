// Similarity of texts by their vectors. Pure functions.

export interface Ranked {
  text: string;
  /** Cosine to the query, −1 to 1; null while the text has no vector yet. */
  score: number | null;
}

/** Cosine similarity; 0 where a vector is all zeros. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  let lengthA = 0;
  let lengthB = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0;
    const y = b[i] ?? 0;
    dot += x * y;
    lengthA += x * x;
    lengthB += y * y;
  }
  const length = Math.sqrt(lengthA * lengthB);
  return length === 0 ? 0 : Math.max(-1, Math.min(1, dot / length));
}

/** The texts, most similar to the query first; those without a vector stay in their order at the end. */
export function rank(
  query: Float32Array | null,
  texts: readonly string[],
  vectors: ReadonlyMap<string, Float32Array>,
): Ranked[] {
  const ranked = texts.map((text): Ranked => {
    const vector = vectors.get(text);
    return { text, score: query && vector ? cosine(query, vector) : null };
  });
  return ranked.sort((a, b) => (b.score ?? -2) - (a.score ?? -2));
}

/** The lines of a text: trimmed, without empty ones, each once, at most `limit`. */
export function linesOf(text: string, limit: number): { lines: string[]; left: number } {
  const lines = [...new Set(text.split("\n").map((line) => line.trim()))].filter((line) => line !== "");
  return { lines: lines.slice(0, limit), left: Math.max(0, lines.length - limit) };
}
