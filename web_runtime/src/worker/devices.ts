// What only bundles with variants for graphics cards need, or with a choice that is left to each device: looking for a card,
// trying it, and timing two variants. The worker fetches it when such a bundle loads.

import type { Session } from "../shared/engine.js";
import { PackagerError } from "../shared/errors.js";
import type { Dtype, Manifest, Variant } from "../shared/manifest.gen.js";
import type { Tensor } from "../shared/tensor.js";
import type { GpuCapabilities } from "./choose.js";
import { toNumbers } from "./processing/numbers.js";
import { engineFailure } from "./runner.js";
import { readTensors } from "./sample.js";
import type { Read } from "./task.js";

/** Cards round in ways of their own: they may be so many times as far off as the variant was when it was built. */
const slack = 10;

/** Rounds of a race, and the share by which a variant has to be faster. */
const rounds = 5;
const noise = 0.05;

/** Where the faster variants are kept. */
const cacheName = "packager-winners-1";

interface Gpu {
  requestAdapter(): Promise<{ features: ReadonlySet<string> } | null>;
}

/** Asks the browser only for what one of the variants needs. */
export async function detectGpu(variants: Variant[]): Promise<GpuCapabilities> {
  const wants = (target: Variant["target"]) => variants.some((variant) => variant.target === target);
  const { gpu } = navigator as unknown as { gpu?: Gpu };
  const adapter = wants("webgpu") ? await gpu?.requestAdapter().catch(() => null) : null;
  return {
    webgl: wants("webgl") && hasWebgl(),
    webgpu: Boolean(adapter),
    halfs: adapter?.features.has("shader-f16") ?? false,
  };
}

function hasWebgl(): boolean {
  const context = typeof OffscreenCanvas === "function" ? new OffscreenCanvas(1, 1).getContext("webgl2") : null;
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

/**
 * Runs the golden sample once: there are cards and drivers that compute wrongly, and no feature tells.
 *
 * @throws {PackagerError} engine-failed where the answers are not the reference's; the session is disposed then.
 */
export async function tryGolden(session: Session, manifest: Manifest, variant: Variant, read: Read): Promise<void> {
  const { inputs, outputs: types } = manifest.signature;
  const { golden } = manifest as Required<Manifest>; // the manifest's check saw to it
  try {
    const expected = await readTensors(golden.outputs, types, read);
    const outputs = await session.infer(await readTensors(golden.inputs, inputs, read));
    for (const { name, dtype } of types) {
      const difference = relative(dtype, expected[name] as Tensor, outputs[name] as Tensor);
      if (difference <= slack * variant.parity.tolerance) continue;
      const off = `off by ${difference.toPrecision(2)} of its largest value`;
      throw new PackagerError(
        "engine-failed",
        `This device computes the output "${name}" of a known sample wrongly: ${off}.`,
      );
    }
  } catch (error) {
    await session.dispose().catch(() => undefined);
    throw engineFailure("A known sample could not be run on this device", error);
  }
}

/** The largest difference over the largest value; infinite where the dims differ, or one side alone is finite. */
export function relative(dtype: Dtype, expected: Tensor, given: Tensor): number {
  if (String(given.dims) !== String(expected.dims)) return Number.POSITIVE_INFINITY;
  const [want, have] = [numbers(dtype, expected), numbers(dtype, given)];
  let [difference, largest] = [0, 0];
  for (const [index, value] of want.entries()) {
    const other = have[index] as number;
    if (Object.is(value, other)) largest = Math.max(largest, Number.isFinite(value) ? Math.abs(value) : 0);
    else if (!Number.isFinite(value - other)) return Number.POSITIVE_INFINITY;
    else {
      largest = Math.max(largest, Math.abs(value));
      difference = Math.max(difference, Math.abs(value - other));
    }
  }
  return largest > 0 ? difference / largest : difference;
}

function numbers(dtype: Dtype, tensor: Tensor): Float64Array {
  return dtype.startsWith("float")
    ? toNumbers(tensor, "")
    : Float64Array.from(tensor.data as ArrayLike<number>, Number);
}

interface Runner {
  variant: Variant;
  session: Session;
}

/** The one that runs, and the one that might be better. */
type Runners = readonly [Runner, Runner];

interface Race {
  base: string;
  manifest: Manifest;
  runners: Runners;
  read: Read;
  /** Work that no run of the page may come between. */
  alone: (work: () => Promise<void>) => Promise<void>;
}

/** Times two variants in turns, remembers the faster for the next visit, and says so in a sentence. */
export async function race({ base, manifest, runners, read, alone }: Race): Promise<string> {
  const { golden, signature, variants } = manifest as Required<Manifest>;
  const inputs = await readTensors(golden.inputs, signature.inputs, read);
  const times = runners.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { session }] of runners.entries()) {
      await alone(async () => {
        const start = performance.now();
        await session.infer(inputs);
        // The first is to warm up.
        if (round > 0) times[index]?.push(performance.now() - start);
      });
    }
  }
  const [ours, rival] = times.map(median) as [number, number];
  // A difference that small is noise, and no reason to fetch other files.
  const winner = runners[rival < (1 - noise) * ours ? 1 : 0].variant.id;
  await (await caches.open(cacheName)).put(winnerKey(base), Response.json({ of: ids(variants), winner }));
  const [one, other] = runners.map(({ variant }) => variant.id);
  const took = `${one} took ${ours.toFixed(1)} ms and ${other} ${rival.toFixed(1)} ms on this device`;
  return `${took}, so ${winner} will be taken on the next visit.`;
}

/** The id of the variant that won on this device when these variants were timed, or null. */
export async function winnerOf(base: string, variants: Variant[]): Promise<string | null> {
  try {
    const kept = await (await caches.open(cacheName)).match(winnerKey(base));
    const { of, winner } = (await kept?.json()) ?? {};
    return of === ids(variants) ? winner : null;
  } catch {
    return null;
  }
}

const winnerKey = (base: string) => `${location.origin}/.packager/winners/${encodeURIComponent(base)}`;

const ids = (variants: Variant[]) => variants.map(({ id }) => id).join();

const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
