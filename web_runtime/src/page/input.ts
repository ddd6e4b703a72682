// What `run` takes, in a form that can cross to the worker.

import type { Task } from "../shared/api.js";
import { PackagerError } from "../shared/errors.js";
import type { RunInput } from "../shared/protocol.js";
import { buffersOf } from "../shared/transfer.js";

interface Crossing {
  params: RunInput;
  /** What can move to the worker without anybody missing it. */
  owned: Transferable[];
}

/** Pictures that only a page can show become bitmaps; everything else crosses as it is and is checked by the worker. */
export async function toRunInput(task: Task, input: unknown): Promise<Crossing> {
  if (task !== "image-classification" || crosses(input)) return { params: input as RunInput, owned: [] };
  try {
    // As the worker decodes files: upright, with the colours as they are stored.
    const options = { colorSpaceConversion: "none", imageOrientation: "from-image" } as const;
    const bitmap = await createImageBitmap(input as ImageBitmapSource, options);
    return { params: bitmap, owned: [bitmap] };
  } catch (cause) {
    const message =
      "run() takes a picture that is loaded: a Blob or File, an <img>, a <video>, a canvas, an ImageData, an ImageBitmap.";
    throw new PackagerError("input-invalid", message, { cause });
  }
}

/** All that can move out of an input. */
export function transferables(input: unknown): Transferable[] {
  return input instanceof ImageBitmap || isFrame(input) ? [input] : [...buffersOf(input)];
}

function crosses(input: unknown): boolean {
  return input instanceof Blob || input instanceof ImageData || input instanceof ImageBitmap || isFrame(input);
}

function isFrame(input: unknown): input is VideoFrame {
  return typeof VideoFrame === "function" && input instanceof VideoFrame;
}
