// Served as sw.js above a folder of bundles: replaces the service worker of a bundle that was served at this address before,
// which would go on showing that bundle, and then makes way itself.

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(retire()));

async function retire() {
  const { scope } = self.registration;
  const pages = await self.clients.matchAll({ type: "window" });
  await self.registration.unregister();
  // Pages of bundles in folders below are none of its business.
  const stale = pages.filter(({ url }) => [scope, `${scope}index.html`].includes(url.split(/[?#]/)[0]));
  await Promise.all(stale.map((page) => page.navigate(page.url)));
}
