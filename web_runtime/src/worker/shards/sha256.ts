// A chunk of its own, fetched only where crypto.subtle is missing: on pages that do not come over HTTPS or from localhost.

export { sha256 } from "@noble/hashes/sha2.js";
