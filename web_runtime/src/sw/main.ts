// The service worker: owns the shell (page, runtime, manifest), so that a visit needs no network and never mixes versions.

import type { InstallFailed, Kept, ToServiceWorker } from "../shared/offline.js";
import { answer, pathOf } from "./serve.js";
import { dropOldShards, keepEngines } from "./shards.js";
import { have, install, oldShells } from "./shell.js";
import { noteAnswered, noteTakeOver, tellIfOlder } from "./switch.js";
import { prepareUpdate } from "./update.js";
import { base, manifest, urlOf, worker } from "./version.js";

worker.addEventListener("install", (event) => {
  event.waitUntil(
    prepare().catch(async (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      const failed: InstallFailed = { type: "install-failed", base, reason };
      const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
      for (const page of pages) page.postMessage(failed);
      throw error;
    }),
  );
});

async function prepare(): Promise<void> {
  await install();
  await prepareUpdate();
}

worker.addEventListener("activate", (event) => {
  noteTakeOver();
  // What cannot be cleaned now is cleaned by the next version; the page must not wait or fail for it.
  event.waitUntil(Promise.all([worker.clients.claim(), clean().catch(() => undefined)]));
});

/** Only after an update: on a first visit nothing is old, and pages of other bundles may be storing their shards just now. */
async function clean(): Promise<void> {
  const old = await oldShells();
  if (old.length === 0) return;
  await dropOldShards();
  await Promise.all(old.map((name) => caches.delete(name)));
}

worker.addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  if (path === null) return;
  noteAnswered(event.resultingClientId);
  event.respondWith(answer(event.request, path));
});

worker.addEventListener("message", (event) => {
  const message = event.data as ToServiceWorker;
  if (message.type === "keep") event.waitUntil(keep(message.urls, event.ports[0]));
  else if (message.type === "apply") event.waitUntil(worker.skipWaiting());
  else if (message.type === "opened") tellIfOlder(event.source as Client, message.time);
});

async function keep(urls: string[], port: MessagePort | undefined): Promise<void> {
  const complete = await keepUsed(urls).catch(() => false);
  const kept: Kept = { complete };
  port?.postMessage(kept);
}

/** Stores what the page used, and the shell again where the visitor cleared it; true when the next visit needs no network. */
async function keepUsed(urls: string[]): Promise<boolean> {
  const { files } = await manifest();
  const used = files.filter(({ path, role }) => role === "shell" || urls.includes(urlOf(path)));
  const [complete] = await Promise.all([keepEngines(), ...used.map(have)]);
  return complete;
}
