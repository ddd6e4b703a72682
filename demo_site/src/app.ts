// The story of a page: read the manifest, mount the task's view, load the model, show what runs.
//
// For tests and benchmarks: <html data-state> is "loading", "ready" or "error"; globalThis.packager.model is the model once
// it is ready; the mark "packager:first-result" on the performance timeline is when the first result was on the screen.
// ?variant=ID, ?threads=N and ?timeout=MILLISECONDS in the address go to load(). Where a load failed, <html data-code> is the
// error's code.

import type { LoadOptions, Manifest, Model } from "../../web_runtime/src/shared/api.js";
import { load } from "../packager.js";
import { byId, setText } from "./dom.js";
import { embedCode } from "./embed.js";
import { followOffline, offlineCleared } from "./offline.js";
import { loadDone, loadFailed, loadProgress, loadStarted } from "./progress.js";
import { Runner } from "./runner.js";
import { showModel, showRun, showStorage, wireClear, wirePersist } from "./status.js";
import { mountImage } from "./views/image.js";
import { mountTensor } from "./views/tensor.js";
import { mountText } from "./views/text.js";

const views = { "image-classification": mountImage, "text-embedding": mountText, tensor: mountTensor };
const runner = new Runner({
  onRun(model, times) {
    showRun(times);
    showModel(model);
    showStorage(model);
  },
  onLost: () => void start(),
});
let mounted = "";
let current: Model | null = null;

/** The view is usable while the model loads: what a visitor starts then runs when the model is there. */
function mount(manifest: Manifest): void {
  if (mounted === manifest.id) return;
  views[manifest.task.kind](byId("stage"), manifest, runner);
  setText(byId("embed"), embedCode(manifest, new URL("./", location.href).pathname));
  mounted = manifest.id;
}

/** Only for an early view: load() reads and checks the manifest itself, and says what is wrong with it. */
async function mountEarly(): Promise<void> {
  try {
    const manifest = await (await fetch("./manifest.json")).json();
    if (!current) mount(manifest);
  } catch {
    byId("stage").replaceChildren();
  }
}

async function start(): Promise<void> {
  const began = performance.now();
  setState("loading");
  loadStarted();
  try {
    const loading = load("./manifest.json", { ...asked(), onProgress: loadProgress });
    void mountEarly();
    const model = (await loading) as Model;
    current = model;
    Object.assign(globalThis, { packager: { model } });
    mount(model.manifest);
    runner.give(model);
    showModel(model);
    loadDone(model, performance.now() - began);
    setState("ready");
  } catch (error) {
    setState("error");
    document.documentElement.dataset.code = (error as { code?: string }).code ?? "";
    loadFailed(error, () => void start());
  }
}

/** What the address asks of load(). */
function asked(): LoadOptions {
  const query = new URLSearchParams(location.search);
  const variant = query.get("variant");
  const positive = (name: "threads" | "timeout") => {
    const number = Number(query.get(name));
    return Number.isInteger(number) && number > 0 ? { [name]: number } : {};
  };
  return { ...(variant ? { variant } : {}), ...positive("threads"), ...positive("timeout") };
}

function setState(state: "loading" | "ready" | "error"): void {
  document.documentElement.dataset.state = state;
}

function wireCopy(): void {
  const button = byId("copy");
  button.addEventListener("click", async () => {
    const copied = await navigator.clipboard?.writeText(byId("embed").textContent ?? "").then(
      () => true,
      () => false,
    );
    if (!copied) getSelection()?.selectAllChildren(byId("embed"));
    setText(button, copied ? "Copied" : "Selected");
    setTimeout(() => setText(button, "Copy"), 2000);
  });
}

wireCopy();
wireClear(offlineCleared);
wirePersist(() => current);
followOffline(() => current && showStorage(current));
void start();
