// The camera as a source of frames: opened by a click, closed when the page is hidden.

import { Complaint } from "./complaint.js";

const refusals: Record<string, string> = {
  NotAllowedError: "The camera was not allowed. Allow it for this page in the browser's address bar, then try again.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "Another program is using the camera. Close it there, then try again.",
};

/** False where the browser gives pages no camera: an insecure connection, for instance. */
export function hasCamera(): boolean {
  return typeof navigator.mediaDevices?.getUserMedia === "function";
}

/** Plays the camera in the element. Throws Complaint. */
export async function openCamera(video: HTMLVideoElement): Promise<void> {
  try {
    const wanted = { facingMode: "environment", width: { ideal: 640 }, height: { ideal: 480 } };
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: wanted });
    await video.play();
  } catch (error) {
    closeCamera(video);
    const { name, message } = error as Error;
    throw new Complaint(refusals[name] ?? `The camera did not open: ${message}`, { cause: error });
  }
}

export function closeCamera(video: HTMLVideoElement): void {
  const stream = video.srcObject;
  if (stream instanceof MediaStream) for (const track of stream.getTracks()) track.stop();
  video.srcObject = null;
}

/** Waits for a frame newer than the last; false once the camera is closed. */
export async function nextFrame(video: HTMLVideoElement): Promise<boolean> {
  await new Promise<void>((resolve) => {
    if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(() => resolve());
    else requestAnimationFrame(() => resolve());
    // A closed camera has no further frame.
    video.addEventListener("emptied", () => resolve(), { once: true });
  });
  return video.srcObject !== null && video.videoWidth > 0;
}
