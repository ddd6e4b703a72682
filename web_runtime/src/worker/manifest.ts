// The manifest: fetched anew on each visit, and trusted only after it was checked.

import { PackagerError } from "../shared/errors.js";
import { Fault } from "../shared/fault.js";
import type { Content, Manifest, Variant } from "../shared/manifest.gen.js";
import { manifestSchema } from "../shared/schema.gen.js";
import { fetchWatched, stallTimeout } from "../shared/watch.js";
import { firstMisfit } from "./consistency.js";
import { imported } from "./script.js";
import { realClock, withRetries } from "./shards/retry.js";
import { firstWrong } from "./validate.js";

const rebuild = "Build the bundle again and upload all of it.";

/**
 * The manifest at a URL.
 *
 * With a public key it is the one that the key's holder signed.
 *
 * @throws {PackagerError} manifest-unreachable, manifest-invalid, manifest-version, aborted, or what `authenticate` throws.
 */
export async function fetchManifest(
  url: string,
  signal: AbortSignal,
  { publicKey = "", timeout }: { publicKey?: string; timeout?: number | undefined } = {},
): Promise<Manifest> {
  const text = await fetchText(url, signal, timeout);
  const manifest = parseManifest(text, url);
  if (publicKey) {
    const { authenticate } = await imported(import("./signed.js"), "The script that checks the bundle's signature");
    await authenticate(text, manifest, publicKey, url);
  }
  return manifest;
}

async function fetchText(url: string, signal: AbortSignal, timeout = stallTimeout): Promise<string> {
  const attempt = async () => {
    const { chunks } = await fetchWatched(url, { cache: "no-cache", signal, timeout });
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
    return text + decoder.decode();
  };
  // A server that is overloaded may recover; one that says no will say so again.
  const isFinal = ({ status }: Fault) => status !== null && status < 500 && status !== 429;
  try {
    return await withRetries(attempt, { signal, clock: realClock, isFinal });
  } catch (error) {
    throw error instanceof Fault ? unreachable(url, error.message) : error;
  }
}

function unreachable(url: string, why: string): PackagerError {
  const remedy = "Check the connection and the address given to load().";
  return new PackagerError("manifest-unreachable", `${url} could not be fetched: ${why}. ${remedy}`);
}

/** The manifest that a text holds; `where` names it in errors. */
export function parseManifest(text: string, where: string): Manifest {
  const value = parseJson(text, where);
  const { format, version } = (typeof value === "object" ? value : null) ?? ({} as Record<string, unknown>);
  if (format === "packager" && typeof version === "number" && version > 1) {
    const message = `${where} has version ${version}, and this page's runtime reads version 1. ${rebuild}`;
    throw new PackagerError("manifest-version", message);
  }
  const wrong = firstWrong(value, manifestSchema);
  if (wrong) throw invalid(where, `${wrong.path || "the top level"} ${wrong.what}`);
  const manifest = value as unknown as Manifest;
  const misfit = firstMisfit(manifest);
  if (misfit) throw invalid(where, `${misfit.path} ${misfit.what}`);
  return manifest;
}

function parseJson(text: string, where: string): Partial<Record<string, unknown>> | null {
  try {
    return JSON.parse(text);
  } catch {
    const page = /^\s*</.test(text) ? ": the server sent a web page in its place" : "";
    throw invalid(where, `it is not JSON${page}`);
  }
}

function invalid(where: string, why: string): PackagerError {
  return new PackagerError("manifest-invalid", `${where} is not a valid manifest: ${why}. ${rebuild}`);
}

/** All that a variant needs besides its engine. */
export function variantContents({ graph, weights }: Variant): Content[] {
  return [graph, ...weights.map(({ content }) => content)];
}

/** What the task needs: labels, a tokenizer. */
export function taskContents({ task }: Manifest): Content[] {
  if (task.kind === "image-classification") return task.postprocess.labels ? [task.postprocess.labels] : [];
  return task.kind === "text-embedding" ? [task.preprocess.tokenizer] : [];
}
