// image-classification: a picture from anywhere, or the camera as it sees, and the classes it shows.

import type { Classification, Model, Picture } from "../../../web_runtime/src/shared/api.js";
import type { ImageClassification, Manifest, PictureSample } from "../../../web_runtime/src/shared/manifest.gen.js";
import { closeCamera, hasCamera, nextFrame, openCamera } from "../camera.js";
import { h, setText } from "../dom.js";
import { percent } from "../format.js";
import { clearError, showError } from "../notice.js";
import { markFirstResult, type Runner } from "../runner.js";
import { say } from "../said.js";
import { classList } from "./classes.js";
import { onPicture } from "./sources.js";

export function mountImage(stage: HTMLElement, manifest: Manifest, runner: Runner): void {
  const { postprocess } = manifest.task as ImageClassification;
  const samples = manifest.samples.filter((sample): sample is PictureSample => sample.kind === "picture");
  const classes = classList(Math.min(5, postprocess.top_k), postprocess.activation !== "none");
  const still = h("img", { alt: "", hidden: true });
  const video = h("video", { muted: true, playsinline: true, hidden: true, "aria-label": "What the camera sees" });
  const rate = h("span", { class: "rate figure", hidden: true });
  const empty = h("p", { class: "empty" }, "Drop, paste or choose a picture");
  const wrong = h("div");
  const results = h("div", { class: "results" }, h("h3", {}, "What the model sees"), classes.element, wrong);
  let turn = 0;
  let shown = "";

  const present = (best: Classification[], name: string): void => {
    classes.show(best);
    markFirstResult();
    const [first] = best;
    if (first) say(`${name}: ${first.label}${postprocess.activation === "none" ? "" : `, ${percent(first.score)}`}`);
  };

  const classify = async (picture: Picture, name: string): Promise<void> => {
    const mine = ++turn;
    clearError(wrong);
    results.setAttribute("aria-busy", "true");
    try {
      // A picture that waits for the model gives way to a newer one.
      const best = await runner.run(async (model) =>
        mine === turn ? (model as Model<"image-classification">).run(picture) : null,
      );
      if (best && mine === turn) present(best, name);
    } catch (error) {
      if (mine === turn) showError(wrong, error, () => void classify(picture, name));
    } finally {
      if (mine === turn) results.removeAttribute("aria-busy");
    }
  };

  const show = (picture: Blob, name: string): void => {
    stop();
    URL.revokeObjectURL(shown);
    shown = URL.createObjectURL(picture);
    still.src = shown;
    still.alt = name;
    still.hidden = false;
    empty.hidden = true;
    void classify(picture, name);
  };

  const live = async (): Promise<void> => {
    const mine = ++turn;
    clearError(wrong);
    try {
      await openCamera(video);
      cameraOn(true);
      // The next frame is taken only after the last answer: a slow device skips frames instead of queueing them.
      for (let last = performance.now(), fps = 0; mine === turn; ) {
        if (!(await nextFrame(video))) break;
        const best = await runner.run((model) => (model as Model<"image-classification">).run(video));
        if (mine !== turn) break;
        const now = performance.now();
        fps = fps === 0 ? 1000 / (now - last) : fps * 0.8 + 200 / (now - last);
        last = now;
        setText(rate, `${fps.toFixed(fps < 9.95 ? 1 : 0)} frames a second`);
        present(best, "Camera");
      }
    } catch (error) {
      showError(wrong, error, () => void live());
    } finally {
      if (mine === turn) stop();
    }
  };

  const cameraOn = (on: boolean): void => {
    video.hidden = !on;
    rate.hidden = !on;
    snap.hidden = !on;
    setText(camera, on ? "Stop camera" : "Live camera");
    camera.setAttribute("aria-pressed", String(on));
    still.hidden = on || !shown;
    empty.hidden = on || shown !== "";
  };

  const stop = (): void => {
    if (video.hidden) return;
    turn += 1;
    closeCamera(video);
    cameraOn(false);
  };

  const snapshot = async (): Promise<void> => {
    const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (blob) show(blob, "Picture from the camera");
  };

  const choose = async (sample: PictureSample): Promise<void> => {
    stop();
    const mine = ++turn;
    clearError(wrong);
    try {
      const response = await fetch(sample.path);
      if (!response.ok)
        throw new Error(`The picture ${sample.name} could not be fetched: the server answered ${response.status}.`);
      const picture = await response.blob();
      if (mine === turn) show(picture, sample.name);
    } catch (error) {
      if (mine === turn) showError(wrong, error, () => void choose(sample));
    }
  };

  const file = h("input", { type: "file", accept: "image/*", id: "picture", class: "covered" });
  const capture = h("input", {
    type: "file",
    accept: "image/*",
    capture: "environment",
    id: "capture",
    class: "covered",
  });
  const camera = h(
    "button",
    { type: "button", "aria-pressed": "false", click: () => void (video.hidden ? live() : stop()) },
    "Live camera",
  );
  const snap = h("button", { type: "button", hidden: true, click: () => void snapshot() }, "Take picture");
  const frame = h("div", { class: "frame" }, empty, still, video, rate);
  const touch = matchMedia("(pointer: coarse)").matches;
  const controls = h(
    "div",
    { class: "controls" },
    h("label", { class: "button primary" }, file, "Choose a picture"),
    touch && h("label", { class: "button" }, capture, "Take a photo"),
    hasCamera() && camera,
    snap,
  );
  const thumbnails = h(
    "div",
    { class: "thumbnails", role: "group", "aria-label": "Sample pictures" },
    ...samples.map((sample) =>
      h(
        "button",
        { type: "button", click: () => void choose(sample) },
        h("img", { src: sample.path, alt: sample.name, width: 72, height: 72 }),
      ),
    ),
  );
  stage.replaceChildren(
    h(
      "div",
      { class: "image-view" },
      h("div", { class: "source" }, frame, samples.length > 0 && thumbnails, controls),
      results,
    ),
  );
  onPicture({ frame, inputs: [file, capture] }, show);
  document.addEventListener("visibilitychange", () => document.hidden && stop());
  if (samples[0]) void choose(samples[0]);
}
