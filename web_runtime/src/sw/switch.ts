// A reload of the only open page is when a waiting version takes over: nobody is at work under this one. A page that was on its
// way at that moment has to come anew.

import type { TakenOver, ToServiceWorker } from "../shared/offline.js";
import { worker } from "./version.js";

// The browser lets the waiting version in when this one rests, at times before the page is there. A page of this version would ask it for its files meanwhile,
// and a request at the wrong moment wakes it for minutes; so what waits for the switch is a page that asks for nothing. Where
// no switch comes it asks for this version again, not by a reload.
const waiting = `<!doctype html><title>Updating</title><link rel="icon" href="data:,"><script>
navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
navigator.serviceWorker.getRegistration().then((found) => found?.waiting || location.reload());
setTimeout(() => location.replace(location.href), 5000);
</script>`;

/** What a reload gets while the waiting version takes over; null where there is none, or another page is open. */
export async function giveWay(request: Request): Promise<Response | null> {
  const next = worker.registration.waiting;
  if (!next || !isReload(request)) return null;
  // During its reload the page itself is still among them.
  const open = await worker.clients.matchAll({ type: "window" });
  if (open.length > 1) return null;
  const message: ToServiceWorker = { type: "apply" };
  next.postMessage(message);
  return new Response(waiting, { headers: { "Content-Type": "text/html" } });
}

function isReload(request: Request & { isReloadNavigation?: boolean }): boolean {
  return request.mode === "navigate" && (request.isReloadNavigation ?? request.cache === "no-cache");
}

/** When this version took over, on this worker's clock; not a number where that was before its last start, long ago. */
let tookOver = Number.NaN;

export function noteTakeOver(): void {
  tookOver = performance.now();
}

/** Ids of the pages that this version answered since its last start. */
const answered = new Set<string>();

export function noteAnswered(page: string): void {
  answered.add(page);
}

/** Tells a page that the version before answered. It may have missed the change. */
export function tellIfOlder(page: Client, time: number): void {
  const message: TakenOver = { type: "taken-over" };
  // Messages do not wait until this version is in charge.
  const early = worker.registration.active?.state === "activating";
  const late = time < Date.now() - (performance.now() - tookOver);
  if ((early || late) && !answered.has(page.id)) page.postMessage(message);
}
