// The slip beside the view: what runs, how, how well it agrees, what is kept.

import type { Device, Model, ModelInfo, RunTimes } from "../../web_runtime/src/shared/api.js";
import { byId, h, setText } from "./dom.js";
import { bytes, duration } from "./format.js";
import { parityFigure, paritySentence } from "./parity.js";
import { Sparkline } from "./sparkline.js";
import { clearCaches, used } from "./storage.js";

const runs = new Sparkline();
let pending = false;
let cleared = false;
let shown: ModelInfo | null = null;

/** Shows what runs; to be called again after a run, since another variant may have taken over. */
export function showModel(model: Model): void {
  const { info, manifest } = model;
  if (info === shown) return;
  shown = info;
  const parity = manifest.variants.find(({ id }) => id === info.variant)?.parity;
  row("variant", `${info.precision} · ${info.target}`, [info.reason, ...deviceSentence(info.device), ...info.notes]);
  row("threads", String(info.threads), [info.threadsReason]);
  if (parity) row("parity", parityFigure(parity), [paritySentence(parity)]);
  void drawStorage(model);
}

export function showRun({ preprocess, infer, postprocess }: RunTimes): void {
  const total = preprocess + infer + postprocess;
  runs.add(total);
  const around = [[preprocess, "before"] as const, [postprocess, "after"] as const].filter(([ms]) => ms >= 0.05);
  const steps = [`${duration(infer)} in the model`, ...around.map(([ms, place]) => `${duration(ms)} ${place}`)];
  row("run", duration(total), [steps.join(", "), runs.summary()], runs.element);
}

/** Shows what is kept, as the runtime and the browser say: at most once a second, however fast runs follow each other. */
export function showStorage(model: Model): void {
  if (pending) return;
  pending = true;
  setTimeout(() => {
    pending = false;
    void drawStorage(model);
  }, 1000);
}

/** `onCleared` runs when the caches are gone. */
export function wireClear(onCleared: () => void): void {
  byId("clear").addEventListener("click", async () => {
    const said = await clearCaches().catch((error: Error) => `The browser refused: ${error.message}`);
    setText(byId("clear-said"), said);
    cleared = true;
    row("storage", "nothing", []);
    onCleared();
  });
}

/** A click asks the browser to keep what is stored: browsers want a visitor's gesture for that. */
export function wirePersist(model: () => Model | null): void {
  byId("persist").addEventListener("click", async () => {
    const kept = await model()?.persist();
    const refused = "The browser did not agree. It may clear the model when the device runs short of room.";
    setText(byId("clear-said"), kept ? "The browser keeps the model until you clear it." : refused);
    byId("persist").hidden = kept ?? false;
  });
}

async function offerPersist(stored: boolean): Promise<void> {
  const offered = stored && (await navigator.storage?.persisted?.()) === false;
  byId("persist").hidden = !offered;
}

async function drawStorage({ info }: Model): Promise<void> {
  void offerPersist(info.storage === "cache" && !cleared);
  // What the runtime says of its storage was true until then.
  if (cleared) return;
  const size = await used();
  const value = info.storage === "memory" ? "nothing" : size === null ? "the model" : bytes(size);
  row("storage", value, [info.storageReason]);
}

function deviceSentence({ kind, name }: Device): string[] {
  if (kind === "cpu") return [];
  const what =
    kind === "gpu" ? "The graphics card" : "The processor, in the place of a graphics card and slower than one,";
  return [`${what} computes${name ? `: ${name}` : ""}.`];
}

function row(name: string, value: string, details: string[], drawing?: Element): void {
  const line = h("p", { class: "slip-value figure" }, value, drawing);
  byId(`slip-${name}`).replaceChildren(line, ...details.map((detail) => h("p", { class: "hint" }, detail)));
}
