// The slip beside the view: what runs, how, how well it agrees, what is kept.

import type { Model, RunTimes } from "../../web_runtime/src/shared/api.js";
import { byId, h, setText } from "./dom.js";
import { bytes, duration } from "./format.js";
import { parityFigure, paritySentence } from "./parity.js";
import { sparkline } from "./sparkline.js";
import { clearCaches, used } from "./storage.js";

const runs = sparkline();
let pending = false;

export function showModel(model: Model): void {
  const { info, manifest } = model;
  const parity = manifest.variants.find(({ id }) => id === info.variant)?.parity;
  row("variant", `${info.precision} · ${info.target}`, info.reason);
  row("threads", String(info.threads), info.threadsReason);
  if (parity) row("parity", parityFigure(parity), paritySentence(parity));
  void drawStorage(model);
}

export function showRun({ preprocess, infer, postprocess }: RunTimes): void {
  runs.add(preprocess + infer + postprocess);
  const steps = `before ${duration(preprocess)}, model ${duration(infer)}, after ${duration(postprocess)}`;
  row(
    "run",
    duration(preprocess + infer + postprocess),
    [steps, runs.summary()].filter(Boolean).join("; "),
    runs.element,
  );
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

async function drawStorage({ info }: Model): Promise<void> {
  const size = await used();
  const kept = info.storage === "cache" ? "kept for the next visit" : "not kept";
  const site = size === null ? "" : `This site holds ${bytes(size)} on this device. `;
  row("storage", kept, `${site}${info.storageReason} ${info.notes.join(" ")}`.trim());
}

/** `onCleared` runs when the caches are gone. */
export function wireClear(onCleared: () => void): void {
  const button = byId("clear") as HTMLButtonElement;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const said = await clearCaches().catch((error: Error) => `The browser refused: ${error.message}`);
    setText(byId("clear-said"), said);
    button.disabled = false;
    onCleared();
  });
}

function row(name: string, value: string, detail: string, drawing?: Element): void {
  byId(`slip-${name}`).replaceChildren(
    h("span", { class: "slip-value figure" }, value, drawing),
    h("span", { class: "hint" }, detail),
  );
}
