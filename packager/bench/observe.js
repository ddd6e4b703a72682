// Runs in the page before its own scripts. Tells what a visit is measured by, and touches nothing: to the page, anything that
// is evaluated in it later is a visitor's click, and pages in use behave differently. So it tells by the console, which nobody
// answers.
(() => {
  if (window !== window.top) return;
  const { debug } = console;
  const tell = (event, data) => debug(`packager-bench ${JSON.stringify({ event, origin: performance.timeOrigin, ...data })}`);

  tell("document", { url: location.href });

  const plain = (entries, keys) => entries.map((entry) => Object.fromEntries(keys.map((key) => [key, entry[key]])));
  const result = (mark) => {
    const { model } = globalThis.packager;
    const entries = (type) => performance.getEntriesByType(type);
    tell("result", {
      mark,
      info: model.info,
      isolated: crossOriginIsolated,
      cores: navigator.hardwareConcurrency,
      agent: navigator.userAgent,
      navigation: plain(entries("navigation"), ["responseStart", "responseEnd", "domContentLoadedEventEnd", "loadEventEnd"]),
      resources: plain(entries("resource"), ["name", "startTime", "responseEnd", "transferSize", "encodedBodySize"]),
      paint: plain(entries("paint"), ["name", "startTime"]),
      tasks,
    });
  };

  const tasks = [];
  const watch = (type, take) => {
    if (PerformanceObserver.supportedEntryTypes?.includes(type)) {
      new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
    }
  };
  watch("longtask", ({ startTime, duration }) => tasks.push([startTime, duration]));
  watch("mark", ({ name, startTime }) => name === "packager:first-result" && result(startTime));

  // The page shows what failed in a notice, and on its badge whether all that a later visit needs is stored.
  const seen = {};
  const look = () => {
    const alert = document.querySelector('.notice[role="alert"]');
    if (alert && !seen.alert) {
      const code = alert.querySelector("code")?.textContent ?? "";
      tell("error", { text: alert.querySelector("p")?.textContent ?? alert.textContent, code });
    }
    seen.alert = alert;
    const badge = document.getElementById("badge")?.dataset.state;
    if (badge && badge !== seen.badge) tell("badge", { state: badge });
    seen.badge = badge;
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributeFilter: ["data-state"] });
})();
