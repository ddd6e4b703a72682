// What this site keeps on the device, and how to be rid of it.

import { bytes, count } from "./format.js";

/** Bytes that the browser counts for this site; null where it does not say. */
export async function used(): Promise<number | null> {
  const estimate = await navigator.storage?.estimate?.().catch(() => null);
  return estimate?.usage ?? null;
}

/** Deletes what the runtime and its service worker keep for every page of this site, and says what happened. */
export async function clearCaches(): Promise<string> {
  if (!("caches" in globalThis)) return "This page may not keep anything, so there is nothing to clear.";
  const names = (await caches.keys()).filter((name) => name.startsWith("packager-"));
  const before = await used();
  const gone = (await Promise.all(names.map((name) => caches.delete(name)))).filter(Boolean).length;
  if (gone === 0) return "Nothing was kept.";
  const after = await used();
  const freed = before !== null && after !== null && before > after ? `, ${bytes(before - after)}` : "";
  return `Cleared ${count(gone, "cache")}${freed}. This page goes on; the next visit fetches the model again.`;
}
