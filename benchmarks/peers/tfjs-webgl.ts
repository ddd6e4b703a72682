// TensorFlow.js on its WebGL backend, in 32-bit textures where the device has them. Says which renderer draws.

import "@tensorflow/tfjs-backend-webgl";
import * as tf from "@tensorflow/tfjs-core";
import { enter } from "./page.js";
import { prepareGraphModel } from "./tfjs.js";

enter(async (config) => {
  await tf.setBackend("webgl");
  await tf.ready();
  return prepareGraphModel(config, { renderer: renderer(), float32: tf.env().getBool("WEBGL_RENDER_FLOAT32_ENABLED") });
});

function renderer(): string {
  const context = document.createElement("canvas").getContext("webgl2");
  const extension = context?.getExtension("WEBGL_debug_renderer_info");
  return context && extension ? String(context.getParameter(extension.UNMASKED_RENDERER_WEBGL)) : "unknown";
}
