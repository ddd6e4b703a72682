// Pre- and post-processing as the manifest's task describes them. Python does the same in packager/processing; docs/manifest.md
// defines every step, and the golden vectors in tests/golden hold both sides to it.

import type { Picture } from "../../shared/api.js";
import type { ImagePreprocess } from "../../shared/manifest.gen.js";
import type { Tensor } from "../../shared/tensor.js";
import { openPicture } from "./decode.js";
import { pixelsToTensor } from "./image.js";

export { classify } from "./classify.js";
export { embed } from "./embed.js";
export { createTextPreprocessor } from "./text.js";

/** The tensor that the model takes. A bitmap is closed: what crosses to the worker is the worker's own. */
export async function preprocessImage(picture: Picture, preprocess: ImagePreprocess): Promise<Tensor<"float32">> {
  const source = await openPicture(picture);
  try {
    return pixelsToTensor(source, preprocess);
  } finally {
    source.close();
  }
}
