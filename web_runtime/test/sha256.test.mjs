// The hash for pages without crypto.subtle against Node's own.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { it } from "node:test";
import { seeded } from "./cases.mjs";
import "./typescript.mjs";

const { sha256 } = await import("../src/worker/shards/sha256.ts");

it("is SHA-256 for every length around its blocks, wherever the bytes lie", () => {
  const random = seeded(1);
  const bytes = Uint8Array.from({ length: 1200 }, () => 256 * random());
  for (let length = 0; length <= 200; length++) {
    const part = bytes.subarray(length, 2 * length);
    assert.deepEqual(Buffer.from(sha256(part)), createHash("sha256").update(part).digest(), `${length} bytes`);
  }
  const large = new Uint8Array(3_000_001).fill(7);
  assert.deepEqual(Buffer.from(sha256(large)), createHash("sha256").update(large).digest());
});
