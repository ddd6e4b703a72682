// A reload of the only open page is when a waiting version takes over: nobody is at work under this one.

import type { ToServiceWorker } from "../shared/offline.js";
import { worker } from "./version.js";

// The browser lets the waiting version in when this one rests. A page of this version would ask it for its files meanwhile,
// and a request at the wrong moment wakes it for minutes; so what waits for the switch is a page that asks for nothing. Where
// no switch comes it asks for this version again, not by a reload.
const waiting = `<!doctype html><title>Updating</title><link rel="icon" href="data:,"><script>
navigator.serviceWorker.addEventListener("controllerchange", () => location.reload());
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
