import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importSource } from "./import.mjs";

const { cosine, linesOf, rank } = await importSource("ranking.ts");
const vector = (...values) => new Float32Array(values);

describe("cosine", () => {
  it("does not depend on length", () => assert.equal(cosine(vector(1, 2), vector(10, 20)), 1));
  it("is −1 for opposites and 0 for right angles", () => {
    assert.equal(cosine(vector(1, 0), vector(-3, 0)), -1);
    assert.equal(cosine(vector(1, 0), vector(0, 5)), 0);
  });
  it("is 0 where a vector is all zeros", () => assert.equal(cosine(vector(0, 0), vector(1, 1)), 0));
});

describe("rank", () => {
  const vectors = new Map([
    ["near", vector(1, 0.1)],
    ["far", vector(-1, 0)],
    ["aside", vector(0, 1)],
  ]);

  it("puts the most similar first, and what has no vector yet last", () => {
    const ranked = rank(vector(1, 0), ["far", "new", "aside", "near"], vectors);
    assert.deepEqual(
      ranked.map(({ text }) => text),
      ["near", "aside", "far", "new"],
    );
    assert.equal(ranked.at(-1).score, null);
  });

  it("keeps the order of the lines where there is no query", () => {
    const ranked = rank(null, ["far", "near"], vectors);
    assert.deepEqual(ranked, [
      { text: "far", score: null },
      { text: "near", score: null },
    ]);
  });
});

describe("linesOf", () => {
  it("trims, drops empty lines and repeats", () => {
    assert.deepEqual(linesOf(" a \n\nb\r\na\n", 10), { lines: ["a", "b"], left: 0 });
  });
  it("says how many lines it left out", () => {
    assert.deepEqual(linesOf("a\nb\nc", 2), { lines: ["a", "b"], left: 1 });
  });
});
