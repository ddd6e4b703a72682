// What a page is told of a load while it goes on.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seeded } from "./cases.mjs";
import "./typescript.mjs";

const { Meter } = await import("../src/worker/meter.ts");
const { Trace } = await import("../src/worker/trace.ts");

const shard = (sha256, encoded_bytes) => ({ sha256, encoded_bytes });

describe("Meter", () => {
  it("counts what is needed once, and says when a phase starts", () => {
    const reports = [];
    const meter = new Meter((report) => reports.push(report));
    meter.enter("manifest");
    meter.expect([shard("a", 10), shard("b", 5), shard("a", 10)]);
    meter.expect([shard("b", 5)]);
    meter.enter("weights");
    assert.deepEqual(reports, [
      { phase: "manifest", loaded: 0, total: 0, cached: 0 },
      { phase: "weights", loaded: 0, total: 15, cached: 0 },
    ]);
  });

  it("ends at the total, however shards come, fail and come again", () => {
    const random = seeded(5);
    for (let round = 0; round < 100; round++) {
      let last;
      const meter = new Meter((report) => {
        assert.ok(0 <= report.cached && report.cached <= report.loaded && report.loaded <= report.total);
        last = report;
      });
      const content = Array.from({ length: 5 }, (_, i) => shard(`${i}`, Math.floor(random() * 100)));
      meter.expect(content);
      let cached = 0;
      for (const part of content) {
        if (random() < 0.5) {
          cached += part.encoded_bytes;
          meter.finish("weights", part, true);
          continue;
        }
        meter.add("weights", part, 60);
        meter.add("weights", part, 60);
        if (random() < 0.5) meter.undo("weights", part);
        meter.finish("weights", part, false);
      }
      const total = content.reduce((sum, { encoded_bytes }) => sum + encoded_bytes, 0);
      assert.deepEqual(meter.bytes, { network: total - cached, cache: cached });
      assert.deepEqual(last, { phase: "weights", loaded: total, total, cached });
    }
  });

  it("is silent about shards that the load did not ask for", () => {
    const meter = new Meter(() => assert.fail("a report"));
    meter.finish("weights", shard("of a sample", 10), false);
    assert.deepEqual(meter.bytes, { network: 0, cache: 0 });
  });
});

describe("Trace", () => {
  it("gives spans on the page's clock, in order of their start, failed ones too", async () => {
    const trace = new Trace(performance.timeOrigin - 1000);
    const before = performance.now() + 1000;
    const outer = trace.time("session", async () => {
      await trace.time("verify", async () => Promise.reject(new Error("no")), { shard: "a" }).catch(() => undefined);
    });
    await outer;
    const [session, verify] = trace.spans;
    assert.deepEqual([session.name, verify.name, verify.shard], ["session", "verify", "a"]);
    assert.ok(before <= session.start && session.start <= verify.start);
    assert.ok(verify.start <= verify.end && verify.end <= session.end && session.end < before + 1000);
  });
});
