// Which steps touch which value, and whether they may. All of it holds for every binding of a plan.

import type { Argument } from "./kernels.js";
import { type Block, place as pack } from "./memory.js";
import type { Place, Plan, Step, Value } from "./plan.js";
import { refused } from "./refusal.js";

/** A value whose bytes a step may write where it reads another's, which nobody needs after it. */
export interface Merge {
  written: number;
  read: number;
  step: number;
  /** The argument that is written. */
  argument: Argument;
}

/** The values at the bottom of aliases, by index: what has memory of its own, and from which step to which. */
export interface Lifetimes {
  /** Of each value the one at the bottom. */
  roots: readonly number[];
  from: Int32Array;
  to: Int32Array;
  merges: readonly Merge[];
}

const untouched = 2 ** 30;

/**
 * The lifetimes of a plan's values.
 *
 * @throws {PackagerError} plan-invalid where a step writes what it must not, or reads what nothing has written.
 */
export function lifetimes({ values, inputs, outputs, load, steps }: Plan): Lifetimes {
  const roots: number[] = [];
  for (const [i, { place, of }] of values.entries()) roots.push(place === "alias" ? (roots[of] as number) : i);
  const lives = {
    roots,
    from: new Int32Array(values.length).fill(untouched),
    to: new Int32Array(values.length).fill(-1),
  };
  const touch = (value: number, step: number) => {
    const root = roots[value] as number;
    lives.from[root] = Math.min(lives.from[root] as number, step);
    lives.to[root] = Math.max(lives.to[root] as number, step);
    return root;
  };
  const written = new Set(values.flatMap(({ place }, i) => (place === "input" || place === "weights" ? [i] : [])));
  follow(load, "load", values, written, (value) => roots[value] as number, ["loaded"]);
  for (const { value } of inputs) touch(value, -1);
  follow(steps, "steps", values, written, touch, ["arena", "output"]);
  for (const [i, { name, value }] of outputs.entries()) {
    if (!written.has(touch(value, steps.length))) throw refused(`nothing writes outputs/${i}, "${name}"`);
  }
  return { ...lives, merges: merges(steps, values, lives) };
}

/** Walks steps in order; `touch` gives the root of a value that a step names. */
function follow(
  steps: readonly Step[],
  what: string,
  values: readonly Value[],
  written: Set<number>,
  touch: (value: number, step: number) => number,
  mayWrite: readonly Place[],
): void {
  for (const [i, { kernel, arguments: given }] of steps.entries()) {
    const writes: number[] = [];
    for (const [j, argument] of given.entries()) {
      if (!argument || !("value" in argument)) continue;
      const root = touch(argument.value, i);
      const kind = kernel.arguments[j]?.kind;
      if (kind === "out" || kind === "inout") {
        if (!mayWrite.includes((values[root] as Value).place))
          throw refused(`${what}/${i} writes values/${root}, which is not to be written`);
        writes.push(root);
      }
      if (kind !== "out" && !written.has(root))
        throw refused(`${what}/${i} reads values/${root}, which nothing has written`);
    }
    for (const root of writes) written.add(root);
  }
}

function merges(
  steps: readonly Step[],
  values: readonly Value[],
  { roots, from, to }: Omit<Lifetimes, "merges">,
): Merge[] {
  const found: Merge[] = [];
  for (const [step, { kernel, arguments: given }] of steps.entries()) {
    const rootOf = (j: number) => {
      const argument = given[j];
      // A view that starts inside of another value is not the very same buffer.
      return argument && "value" in argument && whole(argument.value, values) ? (roots[argument.value] as number) : -1;
    };
    for (const [j, argument] of kernel.arguments.entries()) {
      if (argument.over < 0) continue;
      const [written, read] = [rootOf(j), rootOf(argument.over)];
      if (written < 0 || read < 0 || written === read) continue;
      const dies = to[read] === step && ["arena", "input"].includes((values[read] as Value).place);
      const uses = given.filter((argument) => argument && "value" in argument && roots[argument.value] === read).length;
      if (dies && uses === 1 && from[written] === step) found.push({ written, read, step, argument });
    }
  }
  return found;
}

function whole(value: number, values: readonly Value[]): boolean {
  const { place, of, offset } = values[value] as Value;
  return place !== "alias" || (offset < 0 && whole(of, values));
}

/**
 * Offsets of the values that share the arena, and the bytes that it takes. `bytes` are the values' own, `may` says whether a
 * merge is one for these sizes.
 */
export function arrange(
  { values }: Plan,
  lives: Lifetimes,
  bytes: Float64Array,
  may: (merge: Merge) => boolean,
): { offsets: Map<number, number>; size: number } {
  const blocks = new Map<number, Block>();
  for (const [i, { place }] of values.entries()) {
    const [from, to] = [lives.from[i] as number, lives.to[i] as number];
    if (["input", "output", "arena"].includes(place) && to >= from && from !== untouched)
      blocks.set(i, { bytes: bytes[i] as number, from, to, offset: 0 });
  }
  const own = new Set(blocks.values());
  for (const merge of lives.merges) {
    const { written, read, step } = merge;
    const [mine, theirs] = [blocks.get(written), blocks.get(read)];
    if (!mine || !theirs || mine === theirs || mine.bytes !== theirs.bytes || theirs.to !== step || !may(merge))
      continue;
    theirs.to = mine.to;
    blocks.set(written, theirs);
    own.delete(mine);
  }
  const size = pack([...own]);
  return { offsets: new Map([...blocks].map(([value, { offset }]) => [value, offset])), size };
}
