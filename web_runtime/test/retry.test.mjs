// When a failed attempt is repeated, on a clock that only notes how long it was asked to wait.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "./typescript.mjs";

const { Fault } = await import("../src/shared/fault.ts");
const { patience, realClock, withRetries } = await import("../src/worker/shards/retry.ts");

function fakeClock(random = 0.5) {
  const waits = [];
  return { waits, random: () => random, sleep: async (milliseconds) => void waits.push(milliseconds) };
}

/** Fails with these faults in turn, then succeeds. */
function failing(...faults) {
  const attempt = async (number) => {
    attempt.calls.push(number);
    if (faults[number]) throw faults[number];
    return "done";
  };
  attempt.calls = [];
  return attempt;
}

const unreachable = (retryAfter = null) => new Fault("unreachable", "the server answered 503", retryAfter);
const { signal } = new AbortController();

describe("withRetries", () => {
  it("does not wait for what succeeds", async () => {
    const clock = fakeClock();
    assert.equal(await withRetries(failing(), { signal, clock }), "done");
    assert.deepEqual(clock.waits, []);
  });

  it("waits longer each time", async () => {
    const clock = fakeClock();
    await withRetries(failing(unreachable(), unreachable(), unreachable()), { signal, clock });
    assert.deepEqual(clock.waits, [300, 900, 2700]);
  });

  it("spreads the waits at random", async () => {
    for (const [random, wait] of [
      [0, 150],
      [0.999, 449.7],
    ]) {
      const clock = fakeClock(random);
      await withRetries(failing(unreachable()), { signal, clock });
      assert.ok(Math.abs(clock.waits[0] - wait) < 0.01);
    }
  });

  it("gives up with the last fault, after telling of each", async () => {
    const faults = Array.from({ length: patience.attempts }, (_, number) => new Fault("corrupt", `fault ${number}`));
    const attempt = failing(...faults);
    const told = [];
    const onFault = ({ message }) => told.push(message);
    await assert.rejects(withRetries(attempt, { signal, clock: fakeClock(), onFault }), faults.at(-1));
    assert.deepEqual(attempt.calls, [0, 1, 2, 3]);
    assert.deepEqual(
      told,
      faults.map(({ message }) => message),
    );
  });

  it("waits as long as the server asks for, within limits", async () => {
    const clock = fakeClock();
    await withRetries(failing(unreachable(4000), unreachable(10), unreachable(3_600_000)), { signal, clock });
    assert.deepEqual(clock.waits, [4000, 900, patience.longestWait]);
  });

  it("does not repeat what is not a fault", async () => {
    const attempt = failing(new TypeError("a bug"));
    await assert.rejects(withRetries(attempt, { signal, clock: fakeClock() }), { name: "TypeError" });
    assert.equal(attempt.calls.length, 1);
  });

  it("ends as aborted, whatever the attempt threw", async () => {
    const control = new AbortController();
    const attempt = async () => {
      control.abort(new Error("the visitor left"));
      throw unreachable();
    };
    const aborted = withRetries(attempt, { signal: control.signal, clock: fakeClock() });
    await assert.rejects(aborted, { code: "aborted", cause: new Error("the visitor left") });
  });

  it("does not wait on after an abort", async () => {
    const control = new AbortController();
    const waiting = realClock.sleep(60_000, control.signal);
    control.abort();
    await assert.rejects(waiting, { code: "aborted" });
  });
});
