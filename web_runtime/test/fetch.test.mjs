// One attempt over a real connection, against a server that fails in every way a server can.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import "./typescript.mjs";

const { fetchFile } = await import("../src/worker/shards/fetch.ts");

const content = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i % 251));
const day = 86_400_000;

const answers = {
  "/whole": (response) => response.end(content),
  "/short": (response) => response.end(content.subarray(1)),
  "/long": (response) => response.end(Buffer.concat([content, Buffer.from([1])])),
  "/endless": (response) => {
    const timer = setInterval(() => response.write(content), 1);
    response.on("close", () => clearInterval(timer));
  },
  "/page": (response) => response.setHeader("content-type", "text/html").end("<p>Welcome"),
  "/missing": (response) => response.writeHead(404).end(),
  "/busy": (response) => response.writeHead(503, { "retry-after": "7" }).end(),
  "/until": (response) => response.writeHead(429, { "retry-after": new Date(Date.now() + day).toUTCString() }).end(),
  "/cut": (response) => {
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, 1000), () => response.destroy());
  },
  "/silent": () => undefined,
  "/drip": (response) => {
    response.writeHead(200, { "content-length": content.length });
    const timer = setInterval(() => response.write("."), 20);
    response.on("close", () => clearInterval(timer));
  },
  "/steps": (response) => {
    const write = (left) =>
      response.write(content.subarray(0, 1024), () => (left > 1 ? write(left - 1) : response.end()));
    write(4);
  },
  "/stall": (response) => {
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, 1000));
  },
};

const server = createServer((request, response) => answers[request.url](response));
before(() => new Promise((resolve) => server.listen(0, "127.0.0.1", resolve)));
after(() => {
  server.closeAllConnections();
  server.close();
});

const { signal } = new AbortController();

async function get(path, options = {}) {
  const url = `http://127.0.0.1:${server.address().port}${path}`;
  const chunks = [];
  for await (const chunk of fetchFile(url, { signal, cache: "default", bytes: content.length, ...options }))
    chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe("fetchFile", () => {
  it("gives the bytes and counts them", async () => {
    let counted = 0;
    assert.deepEqual(
      await get("/whole", {
        onBytes: (count) => {
          counted += count;
        },
      }),
      content,
    );
    assert.equal(counted, content.length);
  });

  const wrong = [
    ["a file that is too short", "/short", { kind: "corrupt", message: /ended after 49999 of 50000 bytes/ }],
    ["a file that is too long", "/long", { kind: "corrupt", message: /longer than 50000/ }],
    ["a file without end", "/endless", { kind: "corrupt", message: /longer than 50000/ }],
    ["a page in place of the file", "/page", { kind: "corrupt", message: /looks like a web page/ }],
    ["a file that is not there", "/missing", { kind: "unreachable", message: /404/, retryAfter: null }],
    ["a busy server", "/busy", { kind: "unreachable", message: /503/, retryAfter: 7000 }],
    ["a connection that is cut", "/cut", { kind: "unreachable", message: /connection failed/ }],
  ];
  for (const [what, path, fault] of wrong) it(`tells ${what}`, () => assert.rejects(get(path), fault));

  it("reads a date in Retry-After", async () => {
    const fault = await get("/until").catch((error) => error);
    assert.ok(Math.abs(fault.retryAfter - day) < 5000, `${fault.retryAfter}`);
  });

  it("gives up on a server that cannot be reached", async () => {
    const nowhere = fetchFile("http://127.0.0.1:1/x", { signal, cache: "default", bytes: 1 });
    await assert.rejects(nowhere.next(), { kind: "unreachable" });
  });

  for (const path of ["/silent", "/stall", "/drip"]) {
    it(`gives up on a connection on which next to nothing arrives: ${path}`, async () => {
      const fault = { kind: "unreachable", message: /next to nothing arrived for 0.3 seconds/ };
      await assert.rejects(get(path, { timeout: 300 }), fault);
    });
  }

  it("does not count the time in which it is not asked for bytes", async () => {
    const { port } = server.address();
    let received = 0;
    for await (const chunk of fetchFile(`http://127.0.0.1:${port}/steps`, {
      signal,
      cache: "default",
      bytes: 4096,
      timeout: 300,
    })) {
      received += chunk.length;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.equal(received, 4096);
  });

  it("stops when it is aborted, before and during", async () => {
    const control = new AbortController();
    const reading = get("/stall", { signal: control.signal, onBytes: () => control.abort(new Error("enough")) });
    await assert.rejects(reading, { code: "aborted", cause: new Error("enough") });
    await assert.rejects(get("/whole", { signal: control.signal }), { code: "aborted" });
  });
});
