// The strip above the view: the phases of a load with their bytes, and afterwards what each took.

import type { Model, Phase, Progress } from "../../web_runtime/src/shared/api.js";
import { byId, h, setText } from "./dom.js";
import { bytes, duration } from "./format.js";
import { clearError, showError } from "./notice.js";
import { type LoadPhase, phaseTimes } from "./phases.js";

const sentences: Record<Phase, string> = {
  manifest: "Reading the manifest",
  engine: "Fetching the engine",
  weights: "Fetching the model",
  start: "Starting the model",
  ready: "Ready",
};
const order = Object.keys(sentences) as Phase[];

const what = byId("load-what");
const amount = byId("load-bytes");
const bar = byId("load-bar") as HTMLProgressElement;
const phases = [...byId("load-phases").children] as HTMLElement[];
const error = byId("load-error");

let latest = -1;

export function loadStarted(): void {
  document.getElementById("load-late")?.remove();
  latest = -1;
  bar.value = 0;
  clearError(error);
  setText(amount, "");
  reach("manifest");
}

export function loadProgress({ phase, loaded, total, cached }: Progress): void {
  // Phases run side by side; the strip names the latest that has begun.
  if (order.indexOf(phase) > latest) reach(phase);
  if (total === 0) return;
  bar.value = loaded / total;
  setText(amount, `${bytes(loaded)} of ${bytes(total)}${cached > 0 ? ` · ${bytes(cached)} from the cache` : ""}`);
}

/** `took`: milliseconds from the start of the load. */
export function loadDone({ info }: Model, took: number): void {
  reach("ready");
  bar.value = 1;
  setText(what, `Ready in ${duration(took)}`);
  const { network, cache } = info.bytes;
  const sources = [network > 0 && `${bytes(network)} fetched`, cache > 0 && `${bytes(cache)} from the cache`];
  setText(amount, sources.filter((source) => source !== false).join(" · "));
  const times = phaseTimes(info.trace);
  for (const item of phases) {
    const phase = item.dataset.phase as LoadPhase;
    const time = times[phase];
    item.replaceChildren(phase, time === null ? "" : h("span", { class: "figure" }, duration(time)));
  }
}

export function loadFailed(reason: unknown, retry: () => void): void {
  setText(what, "The model could not be loaded");
  showError(error, reason, retry);
}

function reach(phase: Phase): void {
  latest = order.indexOf(phase);
  setText(what, sentences[phase]);
  for (const item of phases) {
    const place = order.indexOf(item.dataset.phase as Phase);
    item.className = place < latest ? "done" : place === latest ? "now" : "";
    item.replaceChildren(item.dataset.phase ?? "");
  }
}
