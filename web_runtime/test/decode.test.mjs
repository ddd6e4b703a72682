// Decoding: any bytes, any coding, cut anywhere; and everything that can be wrong with a file.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { seeded, shuffle, strides } from "./cases.mjs";
import "./typescript.mjs";

const { decode } = await import("../src/shared/decode.ts");

const random = seeded(1);
const below = (limit) => Math.floor(random() * limit);

/** The bytes in chunks of random sizes, some of them empty. */
async function* chunked(bytes) {
  for (let from = 0; from < bytes.length; ) {
    const size = below(bytes.length / 2 + 3);
    yield bytes.slice(from, from + size);
    from += size;
  }
}

function encode(bytes, { encoding, filter }) {
  const filtered = shuffle(bytes, strides[filter]);
  return encoding === "gzip" ? new Uint8Array(gzipSync(filtered)) : filtered;
}

const codings = Object.keys(strides).flatMap((filter) => ["none", "gzip"].map((encoding) => ({ encoding, filter })));

describe("decode", () => {
  for (const coding of codings) {
    it(`undoes encoding ${coding.encoding} and filter ${coding.filter}`, async () => {
      for (let round = 0; round < 60; round++) {
        const length = below(round < 10 ? 4 : 3000) * strides[coding.filter];
        const bytes = Uint8Array.from({ length }, () => below(round % 3 === 0 ? 256 : 3));
        const target = new Uint8Array(length).fill(0xaa);
        await decode(chunked(encode(bytes, coding)), coding, target);
        assert.deepEqual(target, bytes);
      }
    });
  }

  it("fills a part of an array and leaves the rest alone", async () => {
    const whole = new Uint8Array(12).fill(7);
    await decode(chunked(Uint8Array.of(1, 2, 3, 4)), { encoding: "none", filter: "shuffle2" }, whole.subarray(4, 8));
    assert.deepEqual([...whole], [7, 7, 7, 7, 1, 3, 2, 4, 7, 7, 7, 7]);
  });

  const content = Uint8Array.from({ length: 4000 }, () => below(256));
  const gzip = { encoding: "gzip", filter: "none" };
  const zipped = encode(content, gzip);
  const flipped = zipped.slice();
  flipped[flipped.length >> 1] ^= 0x10;

  const wrong = [
    ["a file that ends early", zipped.slice(0, -100), gzip, 4000, /gzip/],
    ["an empty file", zipped.slice(0, 0), gzip, 4000, /gzip|ended/],
    ["a flipped bit", flipped, gzip, 4000, /gzip|ended|more than/],
    ["bytes after the end", Uint8Array.of(...zipped, 1, 2, 3), gzip, 4000, /gzip/],
    ["a web page in place of gzip", new TextEncoder().encode("<!doctype html>"), gzip, 4000, /web page/],
    ["something else in place of gzip", content, gzip, 4000, /not gzip/],
    ["content that is too short", zipped, gzip, 4001, /ended after 4000 of 4001/],
    ["content that is too long", zipped, gzip, 3999, /more than the 3999/],
    ["plain content that is too long", content, { encoding: "none", filter: "none" }, 3999, /more than/],
    ["plain content that is too short", content, { encoding: "none", filter: "none" }, 5000, /ended after 4000/],
    [
      "a length that is no multiple of the element",
      content,
      { encoding: "none", filter: "shuffle8" },
      4001,
      /whole elements/,
    ],
  ];
  for (const [what, bytes, coding, length, message] of wrong) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(decode(chunked(bytes), coding, new Uint8Array(length)), { kind: "corrupt", message });
    });
  }

  it("stops a file that unpacks to far more than it should, without unpacking it", async () => {
    const bomb = new Uint8Array(gzipSync(new Uint8Array(64 * 2 ** 20)));
    let taken = 0;
    const counted = async function* () {
      for (let from = 0; from < bomb.length; from += 1024) {
        taken += 1024;
        yield bomb.slice(from, from + 1024);
      }
    };
    await assert.rejects(decode(counted(), gzip, new Uint8Array(1000)), { kind: "corrupt" });
    assert.ok(taken < bomb.length / 2, `${taken} of ${bomb.length} bytes were read`);
  });

  it("passes on what the source of the bytes throws, and writes nothing afterwards", async () => {
    const failing = async function* () {
      yield zipped.slice(0, 2000);
      throw new RangeError("the line is cut");
    };
    const target = new Uint8Array(4000);
    await assert.rejects(decode(failing(), gzip, target), { name: "RangeError" });
    target.fill(9);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.ok(target.every((byte) => byte === 9));
  });
});
