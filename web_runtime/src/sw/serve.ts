// Answers the page's requests: files of the bundle from this version alone, so that page, manifest and weights fit each other.

import { have } from "./shell.js";
import { giveWay } from "./switch.js";
import { base, headers, manifest, ownManifest, worker } from "./version.js";

/** What gives a page shared memory, and so threads; nothing where the page asked to be left as the host sends it. */
const isolation = new URL(worker.location.href).searchParams.get("isolate") === "0" ? {} : headers.isolation;

/** The path of a request inside the bundle, or null where this worker has no say. Shards are the page's worker's. */
export function pathOf({ method, url }: Request): string | null {
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || !(origin + pathname).startsWith(base)) return null;
  const path = (origin + pathname).slice(base.length) || "index.html";
  return path.startsWith("shards/") || path === "sw.js" ? null : path;
}

export async function answer(request: Request, path: string): Promise<Response> {
  const waiting = await giveWay(request);
  if (waiting) return withHeaders(waiting, isolation);
  const own = await ownFile(path).catch(() => Response.error());
  // A page is never refused: where the browser dropped this version and the server has another, the visitor gets that one.
  if (own && (own.ok || request.mode !== "navigate")) return withHeaders(own, { ...headers.security, ...isolation });
  const response = await fetch(request);
  // Others' pages have a policy of their own, or want none.
  return startsRealm(request, path) ? withHeaders(response, isolation) : response;
}

/** A file of this version; null where the path is none, or where not even the manifest can be had. Throws when it is not to be had whole. */
async function ownFile(path: string): Promise<Response | null> {
  const read = await manifest().catch(() => null);
  if (!read) return null;
  if (path === "manifest.json") return ownManifest();
  const file = read.files.find((candidate) => candidate.path === path);
  return file ? have(file) : null;
}

/** True for other pages in the bundle's own folder and for workers: what needs the headers of isolation too. */
function startsRealm({ mode, destination }: Request, path: string): boolean {
  return (mode === "navigate" && !path.includes("/")) || destination.endsWith("worker");
}

/** Adds headers where the host sends none of its own. The body is whole: a stream would end with this worker, which may be replaced. */
async function withHeaders(response: Response, wanted: Record<string, string>): Promise<Response> {
  if (response.type === "error" || response.type.startsWith("opaque")) return response;
  const all = new Headers(wanted);
  response.headers.forEach((value, name) => {
    all.set(name, value);
  });
  const { status, statusText } = response;
  return new Response(response.body && (await response.blob()), { status, statusText, headers: all });
}
