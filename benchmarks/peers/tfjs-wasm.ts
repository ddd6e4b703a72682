// TensorFlow.js on its wasm backend (XNNPACK), with SIMD.

import { getThreadsCount, setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { enter } from "./page.js";
import { prepareGraphModel } from "./tfjs.js";

enter(async (config) => {
  setWasmPaths(new URL("./wasm/", location.href).href);
  // The module without threads starts without a pool of workers.
  if (config.threads > 1) setThreadsCount(config.threads);
  else tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  await tf.setBackend("wasm");
  await tf.ready();
  const threads = config.threads > 1 ? getThreadsCount() : 1;
  return prepareGraphModel(config, { threads, simd: tf.env().getBool("WASM_HAS_SIMD_SUPPORT") });
});
