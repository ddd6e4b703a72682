import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { importSource } from "./import.mjs";

const { bound, bytes, count, duration, figure, median, percent, shape } = await importSource("format.ts");

/** Figures and units are held together by a no-break space. */
const spaced = (text) => text.replaceAll("\u00a0", " ");

function table(name, format, rows) {
  describe(name, () => {
    for (const [value, text] of rows) it(`${value} → ${text}`, () => assert.equal(spaced(format(value)), text));
  });
}

table("bytes", bytes, [
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.00 kB"],
  [18_826_032, "18.8 MB"],
  [999_499, "999 kB"],
  [999_500, "1.00 MB"],
  [9_994_000, "9.99 MB"],
  [9_996_000, "10.0 MB"],
  [99_960_000, "100 MB"],
  [5e15, "5000 TB"],
]);

table("duration", duration, [
  [0, "0.0 ms"],
  [3.44, "3.4 ms"],
  [9.96, "10 ms"],
  [999.4, "999 ms"],
  [999.6, "1.00 s"],
  [9_996, "10.0 s"],
  [59_990, "60.0 s"],
  [59_996, "1 min 0 s"],
  [125_000, "2 min 5 s"],
]);

table("percent", percent, [
  [1, "100 %"],
  [0.99999, "99.9 %"],
  [0.9512, "95.1 %"],
  [0.0004, "< 0.1 %"],
  [0, "0.0 %"],
]);

table("figure", figure, [
  [0, "0"],
  [-0.59384, "−0.5938"],
  [16000, "16000"],
  [0.00012, "1.20e-4"],
  [-1.5e12, "−1.50e+12"],
  [2.23606, "2.236"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "∞"],
  [Number.NEGATIVE_INFINITY, "−∞"],
]);

table("bound", bound, [
  [0, "0"],
  [0.0000012, "1.2e-6"],
  [0.0123, "0.012"],
  [1.26, "1.3"],
]);

table("shape", shape, [
  [[], "scalar"],
  [["N", 3, 224, 224], "N × 3 × 224 × 224"],
]);

it("count says one and many", () => {
  assert.equal(count(1, "line"), "1 line");
  assert.equal(count(6906, "column"), "6,906 columns");
});

it("median is the middle, the lower of two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2);
});
