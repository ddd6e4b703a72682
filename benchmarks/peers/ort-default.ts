// ONNX Runtime Web as `import "onnxruntime-web"` gives it.

import * as ort from "onnxruntime-web";
import { prepareOrt } from "./ort.js";
import { enter } from "./page.js";

enter(prepareOrt(ort, "./wasm/"));
