// The live camera: frame after frame, the next only after the last answer, so that a slow device skips frames instead of
// queueing them.

import { closeCamera, nextFrame, openCamera } from "../camera.js";
import { h, setText } from "../dom.js";

export class Live {
  readonly video = h("video", { muted: true, playsinline: true, hidden: true, "aria-label": "What the camera sees" });
  readonly rate = h("span", { class: "rate figure", hidden: true });
  #on = false;
  /** From the click on, while the browser asks for permission too. */
  #started = false;
  #changed: (on: boolean) => void;

  /** `changed` hears when the camera goes on and off. A hidden page needs no camera. */
  constructor(changed: (on: boolean) => void) {
    this.#changed = changed;
    document.addEventListener("visibilitychange", () => document.hidden && this.stop());
  }

  get on(): boolean {
    return this.#on;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Shows frames to `look` until the camera is stopped. Throws Complaint, and what `look` throws. */
  async start(look: (video: HTMLVideoElement) => Promise<void>): Promise<void> {
    this.#started = true;
    try {
      await openCamera(this.video);
      this.#set(true);
      let last = performance.now();
      for (let rate = 0; await nextFrame(this.video); ) {
        await look(this.video);
        const now = performance.now();
        // A moving average: the figure can be read while it changes.
        rate = rate === 0 ? 1000 / (now - last) : 0.85 * rate + 150 / (now - last);
        last = now;
        setText(this.rate, `${rate.toFixed(rate < 9.95 ? 1 : 0)} frames a second`);
      }
    } finally {
      this.stop();
      this.#started = false;
    }
  }

  stop(): void {
    if (!this.#on) return;
    closeCamera(this.video);
    this.#set(false);
  }

  /** The frame that the camera shows, as a PNG; null where the browser cannot make one. */
  snapshot(): Promise<Blob | null> {
    const canvas = h("canvas", { width: this.video.videoWidth, height: this.video.videoHeight });
    canvas.getContext("2d")?.drawImage(this.video, 0, 0);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  #set(on: boolean): void {
    this.#on = on;
    this.video.hidden = !on;
    this.rate.hidden = !on;
    setText(this.rate, "");
    this.#changed(on);
  }
}
