import { env } from "onnxruntime-web/wasm";

export { env };
