// ONNX Runtime Web's plain wasm build: the smallest, for the CPU alone.

import * as ort from "onnxruntime-web/wasm";
import { prepareOrt } from "./ort.js";
import { enter } from "./page.js";

enter(prepareOrt(ort, "./wasm/"));
