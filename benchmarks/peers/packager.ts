// This project: a variant of a bundle through the runtime that lies in it.

import type { Prepare, Tensors } from "./contract.js";
import { enter } from "./page.js";

/** The part of the bundle's packager.js that is used here. */
interface Runtime {
  load(
    manifest: string,
    options: { variant: string; threads: number },
  ): Promise<{
    infer(inputs: Tensors): Promise<Tensors>;
    info: { target: string; precision: string; threads: number; trace: { name: string; end: number }[] };
    manifest: { generator: string };
  }>;
}

const prepare: Prepare = async ({ model, threads, options }) => {
  const runtime = (await import(new URL("packager.js", new URL(model, location.href)).href)) as Runtime;
  const loaded = await runtime.load(new URL(model, location.href).href, { variant: options.variant ?? "", threads });
  const { target, precision, trace } = loaded.info;
  const end = (...names: string[]) =>
    Math.max(...trace.filter(({ name }) => names.includes(name)).map((span) => span.end), 0);
  performance.mark("engine", { startTime: end("engine-start") });
  performance.mark("downloaded", { startTime: end("engine-download", "download", "decode", "verify", "cache-read") });
  return {
    info: { version: loaded.manifest.generator, target, precision, threads: loaded.info.threads },
    infer: (inputs) => loaded.infer(inputs),
  };
};

enter(prepare);
