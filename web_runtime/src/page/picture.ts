// What a page shows a picture with, as a picture that can cross to the worker.

import type { Picture } from "../shared/api.js";
import { PackagerError } from "../shared/errors.js";

export interface Crossing {
  picture: Picture;
  /** What to move instead of copying: a bitmap that was made here. What the caller gave stays the caller's. */
  transfer: ImageBitmap[];
}

/** Elements stay in the page, so what they show now becomes a bitmap. */
export async function toPicture(source: Picture | ImageBitmapSource): Promise<Crossing> {
  if (source instanceof Blob || source instanceof ImageBitmap || source instanceof ImageData) {
    return { picture: source, transfer: [] };
  }
  try {
    if (source instanceof HTMLImageElement) await source.decode(); // until it has loaded there is nothing to take
    const picture = await createImageBitmap(source, { colorSpaceConversion: "none" });
    return { picture, transfer: [picture] };
  } catch (cause) {
    const message =
      "This shows no picture that can be read. Give a Blob, an ImageBitmap, an ImageData, or an <img>, <video> or <canvas> that has loaded.";
    throw new PackagerError("input-invalid", message, { cause });
  }
}
