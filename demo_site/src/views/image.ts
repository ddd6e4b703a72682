// image-classification: a picture from anywhere, or the camera as it sees, and the classes it shows.

import type { Classification, Model, TaskInput } from "../../../web_runtime/src/shared/api.js";
import type { ImageClassification, Manifest, PictureSample } from "../../../web_runtime/src/shared/manifest.gen.js";
import { hasCamera } from "../camera.js";
import { Complaint } from "../complaint.js";
import { h, setText } from "../dom.js";
import { percent } from "../format.js";
import { clearError, showError } from "../notice.js";
import { markFirstResult, type Runner } from "../runner.js";
import { say } from "../said.js";
import { classList } from "./classes.js";
import { Live } from "./live.js";
import { onPicture } from "./sources.js";

type Classifier = Model<"image-classification">;

export function mountImage(stage: HTMLElement, manifest: Manifest, runner: Runner): void {
  const view = new ImageView(manifest, runner);
  stage.replaceChildren(view.element);
  view.begin();
}

class ImageView {
  readonly element: HTMLElement;
  readonly #runner: Runner;
  readonly #samples: PictureSample[];
  readonly #shares: boolean;
  readonly #classes;
  readonly #live = new Live((on) => this.#cameraChanged(on));
  readonly #still = h("img", { alt: "", hidden: true, error: () => this.#unseen() });
  readonly #empty = h("p", { class: "empty" }, "Drop, paste or choose a picture");
  readonly #wrong = h("div");
  readonly #results: HTMLElement;
  readonly #thumbnails: HTMLElement[];
  readonly #camera = h("button", { type: "button", "aria-pressed": "false", click: () => this.#toggleCamera() });
  readonly #snap = h(
    "button",
    { type: "button", class: "quiet snap", hidden: true, click: () => void this.#snapshot() },
    "Take picture",
  );
  /** Counts what was asked for, so that the answer to anything but the last is dropped. */
  #turn = 0;
  #shown = "";
  #top = "";

  constructor(manifest: Manifest, runner: Runner) {
    const { postprocess } = manifest.task as ImageClassification;
    this.#runner = runner;
    this.#samples = manifest.samples.filter((sample): sample is PictureSample => sample.kind === "picture");
    this.#shares = postprocess.activation !== "none";
    this.#classes = classList(Math.min(5, postprocess.top_k), this.#shares);
    this.#results = h(
      "div",
      { class: "results" },
      h("h2", {}, "What the model sees"),
      this.#classes.element,
      this.#wrong,
    );
    this.#thumbnails = this.#samples.map((sample) => this.#thumbnail(sample));
    setText(this.#camera, "Live camera");
    this.element = h("div", { class: "image-view" }, this.#source(), this.#results);
  }

  /** The first sample shows what the model does before anyone has to do anything. */
  begin(): void {
    const [first] = this.#samples;
    if (first) void this.#fetchSample(first);
  }

  #source(): HTMLElement {
    const choose = h("input", { type: "file", accept: "image/*" });
    const capture = h("input", { type: "file", accept: "image/*", capture: "environment" });
    const frame = h("div", { class: "frame" }, this.#empty, this.#still, this.#live.video, this.#live.rate, this.#snap);
    onPicture({ frame, inputs: [choose, capture] }, (picture, name) => this.#show(picture, name));
    const touch = matchMedia("(pointer: coarse)").matches;
    const controls = [
      h("label", { class: "button primary" }, choose, "Choose a picture"),
      touch && h("label", { class: "button" }, capture, "Take a photo"),
      hasCamera() && this.#camera,
    ];
    const samples = h(
      "div",
      { class: "thumbnails", role: "group", "aria-label": "Sample pictures" },
      ...this.#thumbnails,
    );
    return h(
      "div",
      { class: "source" },
      frame,
      this.#samples.length > 0 && samples,
      h("div", { class: "controls" }, ...controls),
    );
  }

  #thumbnail(sample: PictureSample): HTMLElement {
    const picture = h("img", { src: sample.path, alt: sample.name, width: 64, height: 64, fetchpriority: "low" });
    return h(
      "button",
      { type: "button", "aria-pressed": "false", click: () => void this.#fetchSample(sample) },
      picture,
    );
  }

  async #fetchSample(sample: PictureSample): Promise<void> {
    const mine = ++this.#turn;
    clearError(this.#wrong);
    try {
      const response = await fetch(sample.path);
      if (!response.ok) throw new Complaint(`The server answered ${response.status} for the picture ${sample.name}.`);
      const picture = await response.blob();
      if (mine === this.#turn) this.#show(picture, sample.name, sample);
    } catch (error) {
      if (mine === this.#turn) showError(this.#wrong, error, () => void this.#fetchSample(sample));
    }
  }

  #show(picture: Blob, name: string, sample?: PictureSample): void {
    this.#live.stop();
    this.#samples.forEach((one, i) => {
      this.#thumbnails[i]?.setAttribute("aria-pressed", String(one === sample));
    });
    URL.revokeObjectURL(this.#shown);
    this.#shown = URL.createObjectURL(picture);
    this.#still.src = this.#shown;
    this.#still.alt = name;
    this.#still.hidden = false;
    this.#empty.hidden = true;
    void this.#classify(picture, name);
  }

  /** What cannot be decoded leaves no broken picture behind. */
  #unseen(): void {
    this.#shown = "";
    this.#still.hidden = true;
    this.#empty.hidden = false;
  }

  async #classify(picture: Blob, name: string): Promise<void> {
    const mine = ++this.#turn;
    clearError(this.#wrong);
    this.#results.setAttribute("aria-busy", "true");
    try {
      const best = await this.#look(picture, () => mine === this.#turn);
      if (best) this.#present(best, name);
    } catch (error) {
      if (mine !== this.#turn) return;
      this.#classes.show([]);
      showError(this.#wrong, error, () => void this.#classify(picture, name));
    } finally {
      if (mine === this.#turn) this.#results.removeAttribute("aria-busy");
    }
  }

  /** The classes; null where the answer, or even the question, came too late. */
  async #look(picture: TaskInput["image-classification"], wanted: () => boolean): Promise<Classification[] | null> {
    const best = await this.#runner.run(async (model) => (wanted() ? (model as Classifier).run(picture) : null));
    return wanted() ? best : null;
  }

  #present(best: Classification[], name: string): void {
    this.#classes.show(best);
    markFirstResult();
    const [first] = best;
    if (!first || `${name}: ${first.label}` === this.#top) return;
    this.#top = `${name}: ${first.label}`;
    say(this.#shares ? `${this.#top}, ${percent(first.score)}` : this.#top);
  }

  #toggleCamera(): void {
    if (this.#live.on) this.#live.stop();
    else if (!this.#live.started) void this.#watch();
  }

  async #watch(): Promise<void> {
    const mine = ++this.#turn;
    clearError(this.#wrong);
    try {
      await this.#live.start(async (video) => {
        // Another picture was chosen while the browser asked for permission.
        if (mine !== this.#turn) return this.#live.stop();
        const best = await this.#look(video, () => mine === this.#turn && this.#live.on);
        if (best) this.#present(best, "Camera");
      });
    } catch (error) {
      showError(this.#wrong, error, () => void this.#watch());
    }
  }

  async #snapshot(): Promise<void> {
    const picture = await this.#live.snapshot();
    if (picture) this.#show(picture, "Picture from the camera");
  }

  #cameraChanged(on: boolean): void {
    this.#snap.hidden = !on;
    this.#still.hidden = on || !this.#shown;
    this.#empty.hidden = on || this.#shown !== "";
    this.#camera.setAttribute("aria-pressed", String(on));
    setText(this.#camera, on ? "Stop camera" : "Live camera");
  }
}
