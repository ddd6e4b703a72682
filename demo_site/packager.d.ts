// The demo imports the runtime as a page of a bundle does, from the file beside index.html; these are its types.
export * from "../web_runtime/src/page/index.js";
