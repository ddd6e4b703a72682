export const chunks = [() => import("./shards/sha256.js"), () => import("./processing/tokenizer.js")];
