// Offline use: registers the bundle's service worker, follows its versions, and says whether the next visit needs a network.

import type { ModelInfo } from "../shared/api.js";
import type { InstallFailed, Kept, TakenOver, ToServiceWorker } from "../shared/offline.js";
import { mayIsolate, reloadIsolated } from "./isolation.js";
import { scriptUrl } from "./script.js";

/**
 * unsupported: this visit leaves nothing to use offline; installing: page or model are not all stored yet; ready: the next
 * visit works without a network; update-ready: a newer version is stored and waits.
 */
export type OfflineState = "unsupported" | "installing" | "ready" | "update-ready";

export interface OfflineOptions {
  /** The bundle's service worker; `sw.js` beside packager.js unless given. */
  script?: string | URL;
  /** Called on each change, with the reason as a sentence. */
  onState?: (state: OfflineState, reason: string) => void;
  /** A newer version waits. `apply` switches every open page of the bundle to it, by reloading them. */
  onUpdate?: (apply: () => void) => void;
  /** Lets the service worker isolate the page, for threads, by one reload where the host does not. True unless given. */
  isolate?: boolean;
}

type Report = (state: OfflineState, reason: string) => void;

/** Makes the page work offline from the next visit on. Never throws: where that cannot be, `onState` says why. */
export function enableOffline(options: OfflineOptions = {}): void {
  const { script, isolate = true } = options;
  const url = script === undefined ? new URL("./sw.js", import.meta.url) : new URL(script, document.baseURI);
  if (!isolate) url.searchParams.set("isolate", "0");
  const report = reporter(options.onState);
  start(url, isolate, report, options.onUpdate).catch((error: unknown) => {
    report("unsupported", `The browser refused the service worker: ${error instanceof Error ? error.message : error}`);
  });
}

async function start(
  script: URL,
  isolate: boolean,
  report: Report,
  onUpdate: OfflineOptions["onUpdate"],
): Promise<void> {
  const scope = new URL("./", script).href;
  const obstacle = findObstacle(scope);
  if (obstacle) return report("unsupported", obstacle);
  report("installing", "The page is being stored for use without a network.");
  const container = navigator.serviceWorker;
  followControl(container, scope, isolate);
  followFailure(container, scope, report);
  // Isolation costs a reload, so the sooner the better; else nothing may slow the load.
  if (!(isolate && mayIsolate(scope))) await pageLoaded();
  const registration = await container.register(scriptUrl(script), { scope, updateViaCache: "none" });
  followUpdates(registration, report, onUpdate);
  followModels(registration, report);
}

function findObstacle(scope: string): string | null {
  if (!isSecureContext) return "The page came over http; offline use needs https or localhost.";
  if (!("serviceWorker" in navigator))
    return "This browser offers no service workers here; a private window may be why.";
  if (!location.href.startsWith(scope)) return `This page is outside the bundle's folder ${scope}.`;
  return null;
}

/** Reloads when a newer version takes over, so that the page never talks to another version than its own. */
function followControl(container: ServiceWorkerContainer, scope: string, isolate: boolean): void {
  let controlled = container.controller !== null && new URL("./", container.controller.scriptURL).href === scope;
  if (controlled && isolate) reloadIsolated(scope);
  // The change may have come while this page was on its way, under the version before.
  if (controlled) tell(container.controller, { type: "opened", time: Date.now() - performance.now() });
  container.addEventListener("message", ({ data }: MessageEvent<TakenOver>) => data?.type === "taken-over" && leave());
  container.addEventListener("controllerchange", () => {
    if (controlled) leave();
    else if (isolate) reloadIsolated(scope);
    controlled = true;
  });
}

let leaving = false;

function leave(): void {
  leaving = true;
  location.reload();
}

/** Resolves at once, or never where the page is about to be replaced: what it loaded since may be of another version than its own. */
export function staying(): Promise<void> {
  return leaving ? new Promise(() => undefined) : Promise.resolve();
}

function followFailure(container: ServiceWorkerContainer, scope: string, report: Report): void {
  container.addEventListener("message", async ({ data }: MessageEvent<InstallFailed>) => {
    if (data?.type !== "install-failed" || data.base !== scope) return;
    // A version that is in charge stays so when a newer one cannot be had whole.
    const registration = await container.getRegistration(scope);
    if (!registration?.active) report("unsupported", `The page could not be stored: ${data.reason}`);
  });
  container.startMessages();
}

function followUpdates(
  registration: ServiceWorkerRegistration,
  report: Report,
  onUpdate: OfflineOptions["onUpdate"],
): void {
  const offer = (version: ServiceWorker) => {
    report("update-ready", "A newer version is stored and waits for a reload.");
    onUpdate?.(() => tell(version, { type: "apply" }));
  };
  const follow = (version: ServiceWorker | null) => {
    version?.addEventListener("statechange", () => {
      if (version.state === "installed" && registration.active) offer(version);
    });
  };
  if (registration.waiting && registration.active) offer(registration.waiting);
  follow(registration.installing);
  registration.addEventListener("updatefound", () => follow(registration.installing));
}

/** The last loaded model, and who wants to know when it or its storage changes. */
let model: ModelInfo | null = null;
const onModel = new Set<() => void>();

/** Told when there is news of a loaded model, that its shards are stored above all: what it used can be kept from then on. */
export function modelChanged(info: ModelInfo): void {
  model = info;
  for (const listener of onModel) listener();
}

function followModels(registration: ServiceWorkerRegistration, report: Report): void {
  const check = async () => {
    if (!registration.active) return;
    if (await keep(registration.active)) report("ready", "Page and model are stored: the next visit needs no network.");
    else if (model?.storage === "memory")
      report("unsupported", `The model could not be stored. ${model.storageReason}`);
  };
  onModel.add(check);
  navigator.serviceWorker.ready.then(check);
}

/** Has the service worker keep what this page used, most of it fetched before there was one. True when nothing is missing. */
async function keep(version: ServiceWorker): Promise<boolean> {
  const urls = performance.getEntriesByType("resource").map(({ name }) => name);
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise<Kept>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<Kept>) => resolve(data);
  });
  tell(version, { type: "keep", urls }, [port2]);
  const { complete } = await answer;
  port1.close();
  return complete;
}

function tell(version: ServiceWorker | null, message: ToServiceWorker, transfer: Transferable[] = []): void {
  version?.postMessage(message, transfer);
}

function pageLoaded(): Promise<unknown> {
  if (document.readyState === "complete") return Promise.resolve();
  return new Promise((resolve) => addEventListener("load", resolve, { once: true }));
}

/** Says each state once, and nothing more once a newer version waits. */
function reporter(onState: Report | undefined): Report {
  let last = "";
  return (state, reason) => {
    if (last.startsWith("update-ready") || last === state + reason) return;
    last = state + reason;
    onState?.(state, reason);
  };
}
