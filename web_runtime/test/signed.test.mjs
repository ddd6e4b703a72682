// Who signed a bundle: what the chunk of signed bundles lets pass, and with which words it refuses the rest.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, it } from "node:test";
import "./typescript.mjs";

const { authenticate } = await import("../src/worker/signed.ts");

const url = "https://host.test/site/manifest.json";
const id = "a".repeat(64);
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

function keys() {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { privateKey, hex: Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url").toString("hex") };
}

const owner = keys();
const worker = 'const bundleId = "__BUNDLE_ID__", manifest = "__MANIFEST_SHA256__";';
const content = { "index.html": "<!doctype html>é", "packager.js": "export {};" };
const files = Object.entries(content).map(([path, text]) => ({ path, sha256: sha256(text), role: "shell" }));

/** A manifest as `build` writes it, signed, and its text. */
function signed({ privateKey, hex } = owner, change = {}) {
  const bare = { files, id, name: "é", others: [{ path: "sw.js", sha256: sha256(worker) }], ...change };
  const ed25519 = sign(null, Buffer.from(JSON.stringify(bare)), privateKey).toString("hex");
  const manifest = { ...bare, signed: { ed25519, public_key: hex }, version: 1 };
  const canonical = { ...manifest };
  delete canonical.signed;
  manifest.signed.ed25519 = sign(null, Buffer.from(JSON.stringify(canonical)), privateKey).toString("hex");
  return { manifest, text: JSON.stringify(manifest) };
}

/** What the host has; the service worker with its stamps. */
function host(test, text, change = {}) {
  const stamped = worker.replace("__BUNDLE_ID__", id).replace("__MANIFEST_SHA256__", sha256(text));
  const there = { "": content["index.html"], "packager.js": content["packager.js"], "sw.js": stamped, ...change };
  return test.mock.method(globalThis, "fetch", async (asked) => {
    const body = there[asked.href.replace("https://host.test/site/", "")];
    return body === undefined ? new Response("", { status: 404 }) : new Response(body);
  });
}

describe("authenticate", () => {
  it("lets pass what was signed, with every file as it was", async (test) => {
    const { manifest, text } = signed();
    const fetched = host(test, text);
    await authenticate(text, manifest, owner.hex, url);
    assert.deepEqual(
      fetched.mock.calls.map(({ arguments: [{ pathname }, { cache }] }) => [pathname, cache]),
      ["/site/", "/site/packager.js", "/site/sw.js"].map((path) => [path, "force-cache"]),
    );
  });

  it("refuses what was not", async (test) => {
    const { manifest, text } = signed();
    host(test, text);
    const refused = (message) => ({ code: "signature-invalid", message });
    const { signed: _, ...bare } = manifest;
    await assert.rejects(authenticate(JSON.stringify(bare), bare, owner.hex, url), refused(/it is not signed/));
    await assert.rejects(authenticate(text, manifest, keys().hex, url), refused(/another key/));
    const other = text.replace('"name":"é"', '"name":"e"');
    await assert.rejects(authenticate(other, JSON.parse(other), owner.hex, url), refused(/not what was signed/));
    const spaced = text.replace('"name"', ' "name"');
    await assert.rejects(authenticate(spaced, JSON.parse(spaced), owner.hex, url), refused(/not what was signed/));
  });

  it("refuses a page whose files are not those that were signed", async (test) => {
    const { manifest, text } = signed();
    const wrong = (path) => ({ code: "file-corrupt", message: new RegExp(`^${path} is not the one`) });
    for (const [path, change] of [
      ["index.html", { "": "<!doctype html>e" }],
      ["packager.js", { "packager.js": "" }],
      ["sw.js", { "sw.js": `${worker.replace("__BUNDLE_ID__", id)}//` }],
    ]) {
      const fetched = host(test, text, change);
      await assert.rejects(authenticate(text, manifest, owner.hex, url), wrong(path));
      fetched.mock.restore();
    }
  });

  it("asks the server where the browser holds another version, and leaves out what is not there", async (test) => {
    const { manifest, text } = signed();
    test.mock.method(globalThis, "fetch", async ({ href }, { cache }) => {
      if (href.endsWith("sw.js")) return new Response(worker.replace("__BUNDLE_ID__", "b".repeat(64)));
      if (href.endsWith("packager.js")) throw new TypeError("offline");
      return new Response(cache === "reload" ? content["index.html"] : "the page before");
    });
    await authenticate(text, manifest, owner.hex, url);
  });

  it("says so where the browser cannot tell", async (test) => {
    const { manifest, text } = signed();
    test.mock.method(crypto.subtle, "importKey", async () => {
      throw new DOMException("Unrecognized name.", "NotSupportedError");
    });
    const unable = { code: "unsupported", message: /cannot check who signed .* does not know Ed25519/ };
    await assert.rejects(authenticate(text, manifest, owner.hex, url), unable);
    test.mock.getter(globalThis, "crypto", () => ({}));
    const insecure = { code: "unsupported", message: /does not come over HTTPS/ };
    await assert.rejects(authenticate(text, manifest, owner.hex, url), insecure);
  });
});
