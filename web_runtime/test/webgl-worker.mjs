// The engine of webgl in a worker of a page: takes graphs with inputs, gives outputs and how often the GPU was told to draw.

import { createSession, prepare } from "/engine.js";

let draws = 0;
const { drawElements } = WebGL2RenderingContext.prototype;
WebGL2RenderingContext.prototype.drawElements = function (...given) {
  draws++;
  return drawElements.apply(this, given);
};
const contexts = [];
const { getContext } = OffscreenCanvas.prototype;
OffscreenCanvas.prototype.getContext = function (...given) {
  contexts.push(getContext.apply(this, given));
  return contexts.at(-1);
};

// A browser without WebGL, for the page that asks for one.
if (location.hash === "#without") OffscreenCanvas.prototype.getContext = () => null;

const types = {
  float32: Float32Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** A request is the length of a header, the header as JSON, and the bytes that it tells apart. */
async function answer(request) {
  const length = new DataView(request.buffer, request.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(request.subarray(4, 4 + length)));
  const part = ({ offset, bytes }) => request.slice(4 + length + offset, 4 + length + offset + bytes);
  draws = 0;
  try {
    await prepare();
    const weights = new Map(header.weights.map((entry) => [entry.location, part(entry)]));
    const session = await createSession({
      graph: part(header.graph),
      weights,
      signature: header.signature,
      threads: 1,
    });
    const inputs = header.inputs.map(({ name, dtype, dims, ...at }) => {
      return [name, { data: new types[dtype](part(at).buffer), dims }];
    });
    if (header.lose) contexts.at(-1).getExtension("WEBGL_lose_context").loseContext();
    const results = await session.infer(Object.fromEntries(inputs));
    await session.dispose();
    const outputs = Object.entries(results).map(([name, { data, dims }]) => ({ name, dims, bytes: data.byteLength }));
    return packed(
      { outputs, draws },
      Object.values(results).map(({ data }) => data),
    );
  } catch (error) {
    const { message, code = "uncoded", cause } = error;
    return packed({ error: { code, message: cause ? `${message} (${cause.message})` : message } }, []);
  }
}

function packed(header, arrays) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = arrays.map((data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return new Blob([new Uint32Array([text.length]), text, ...bytes]);
}

self.onmessage = async () => {
  const all = new Uint8Array(await (await fetch("/cases")).arrayBuffer());
  const view = new DataView(all.buffer);
  const answers = [];
  for (let at = 0; at < all.length; at += 4 + view.getUint32(at, true)) {
    const made = await answer(all.slice(at + 4, at + 4 + view.getUint32(at, true)));
    answers.push(new Uint32Array([made.size]), made);
  }
  await fetch("/answers", { method: "POST", body: new Blob(answers) });
  self.postMessage("done");
};
