// Which variant, and how many threads: by what this browser can do, with the reason in words.

import { onGpu } from "../shared/engine.js";
import { PackagerError } from "../shared/errors.js";
import type { CompiledEngine, Content, Engine, Manifest, ScriptEngine, Variant } from "../shared/manifest.gen.js";

export interface Capabilities {
  /** WebAssembly with 128-bit SIMD. */
  simd: boolean;
  /** With its relaxed instructions as well. */
  relaxed: boolean;
  /** Streams that undo gzip. */
  gunzip: boolean;
  /** Memory may be shared between threads, because the page is cross-origin isolated. */
  isolated: boolean;
  /** Logical processors. */
  cores: number;
  /** What the browser has of graphics cards, where a variant asks for one. */
  gpu?: GpuCapabilities;
}

export interface GpuCapabilities {
  /** WebGL 2 on a canvas of the worker. */
  webgl: boolean;
  /** A WebGPU adapter. */
  webgpu: boolean;
  /** It computes in half floats. */
  halfs: boolean;
}

export interface Choice<T> {
  value: T;
  /** In a sentence, for the user. */
  reason: string;
}

/** More threads than this gain little and cost memory; who wants them can ask for them. */
const mostThreads = 8;

/** A function that makes a vector: valid only where SIMD is known. */
const simdProbe = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 9, 1, 7, 0, 65, 0, 253, 15, 26, 11];

/** The same with a relaxed multiply-add. */
const relaxedProbe = [
  ...simdProbe.slice(0, 18),
  ...[10, 20, 1, 18, 0, 65, 0, 253, 17, 65, 0, 253, 17, 65, 0, 253, 17, 253, 133, 2, 26, 11],
];

const valid = (probe: number[]) => typeof WebAssembly === "object" && WebAssembly.validate(new Uint8Array(probe));

export function detectCapabilities(): Capabilities {
  return {
    simd: valid(simdProbe),
    relaxed: valid(relaxedProbe),
    gunzip: typeof DecompressionStream === "function",
    isolated: globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer === "function",
    cores: navigator.hardwareConcurrency || 1,
  };
}

/** What a variant needs and this browser lacks, or null. */
function lack({ target, precision }: Variant, { simd, gunzip, gpu }: Capabilities): string | null {
  if (!gunzip) return "decompression of gzip";
  if (target === "webgl") return gpu?.webgl ? null : "WebGL 2";
  if (target === "webgpu" && !gpu?.webgpu) return "WebGPU";
  if (target === "webgpu") return precision !== "fp16" || gpu?.halfs ? null : "half floats in WebGPU";
  return simd ? null : "WebAssembly SIMD";
}

/**
 * The variants that this browser can run, the best first; or only the one that is asked for by its id. `winner` is the id of
 * the one that was the faster when they were timed on this device.
 *
 * @throws {PackagerError} unsupported, or input-invalid where no variant has the id that is asked for.
 */
export function rankVariants(
  variants: Variant[],
  capabilities: Capabilities,
  { wanted, winner }: { wanted?: string | undefined; winner?: string | null } = {},
): [Choice<Variant>, ...Choice<Variant>[]] {
  const able = variants.filter((variant) => !lack(variant, capabilities));
  if (wanted !== undefined) return [chooseById(variants, able, wanted)];
  const won = able.find(({ id }) => id === winner);
  const [first, ...others] = won ? [won, ...able.filter((variant) => variant !== won)] : able;
  if (!first) {
    const missing = [...new Set(variants.map((variant) => lack(variant, capabilities)))].join(" or ");
    const remedy = "Use a current browser: Chrome 91, Firefox 114, Safari 16.4, or newer.";
    throw new PackagerError("unsupported", `This browser lacks ${missing}, which the model needs. ${remedy}`);
  }
  const next = (value: Variant) => ({ value, reason: `${value.id} is the best of the variants that are left.` });
  return [{ value: first, reason: reasonFor(first, variants, capabilities, won) }, ...others.map(next)];
}

function reasonFor(value: Variant, variants: Variant[], capabilities: Capabilities, won?: Variant): string {
  const { id } = value;
  if (variants.length === 1) return `${id} is the model's only variant.`;
  if (value === won) return `${id} was the faster of two when they were timed on this device.`;
  if (value === variants[0]) return `${id} was measured to be the best of ${variants.length} variants.`;
  return `${id} is the best variant for this browser, which lacks ${lack(variants[0] as Variant, capabilities)}.`;
}

function chooseById(variants: Variant[], able: Variant[], wanted: string): Choice<Variant> {
  const value = variants.find(({ id }) => id === wanted);
  if (!value) {
    const known = variants.map(({ id }) => id).join(", ");
    throw new PackagerError("input-invalid", `The model has no variant "${wanted}". It has: ${known}.`);
  }
  if (!able.includes(value)) {
    throw new PackagerError(
      "unsupported",
      `This browser cannot run the variant ${wanted}. Leave the choice to load().`,
    );
  }
  return { value, reason: `${wanted} was asked for.` };
}

export type AnyEngine = Engine | CompiledEngine | ScriptEngine;

/** The entry of a variant's engine, which every manifest that was read has. */
export const engineOf = ({ engines }: Manifest, { target }: Variant) => engines[target] as AnyEngine;

/** The module of an engine that makes the most of this browser, for so many threads; null where it has none. */
export function chooseModule(engine: AnyEngine, { relaxed }: Capabilities, threads: number): Content | null {
  if ("module" in engine) return engine.module;
  if (!("modules" in engine)) return null;
  const met = { "relaxed-simd": relaxed, threads: threads > 1 };
  const build = engine.modules.find(({ needs }) => needs.every((need) => met[need]));
  if (build) return build.content;
  throw new PackagerError("unsupported", "The engine has no build for this browser. Build the bundle again.");
}

/**
 * How many threads a variant is to compute with: `most` at most, and one where memory cannot be shared or nothing is left to
 * share out.
 *
 * @throws {PackagerError} input-invalid where `most` is not a positive whole number.
 */
export function chooseThreads(variant: Variant, { isolated, cores }: Capabilities, most?: number): Choice<number> {
  if (most !== undefined && !(Number.isInteger(most) && most >= 1)) {
    throw new PackagerError("input-invalid", `threads is ${most}; it must be a whole number from 1.`);
  }
  if (onGpu(variant)) return { value: 1, reason: "One thread: the graphics card does the work." };
  if (!isolated) {
    const cause = "the page is not cross-origin isolated, because its server does not send the COOP and COEP headers";
    return { value: 1, reason: `One thread: ${cause}.` };
  }
  const device = `the device has ${cores} logical processor${cores === 1 ? "" : "s"}`;
  if (most !== undefined && most <= cores) return { value: most, reason: `${count(most)}, as asked for.` };
  if (most !== undefined) return { value: cores, reason: `${count(cores)}, not ${most} as asked for: ${device}.` };
  // Logical processors often come in pairs that share one core's arithmetic.
  const value = Math.min(cores <= 4 ? cores : Math.ceil(cores / 2), mostThreads);
  return { value, reason: `${count(value)}: ${device} and the page is cross-origin isolated.` };
}

const count = (threads: number) => (threads === 1 ? "One thread" : `${threads} threads`);
