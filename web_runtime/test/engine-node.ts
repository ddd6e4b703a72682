// The executor in Node, one thread: requests on stdin, answers on stdout, each after its length. argv: the module's file.

import { readFileSync, readSync, writeSync } from "node:fs";
import { Cases } from "./engine-cases.js";

const module = await WebAssembly.compile(readFileSync(process.argv[2] as string));
const cases = new Cases(module, 1, null);

function read(count: number): Uint8Array | null {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; ) {
    const got = readSync(0, bytes, at, count - at, null);
    if (got === 0) return null;
    at += got;
  }
  return bytes;
}

function write(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}

for (let head = read(4); head; head = read(4)) {
  const request = read(new DataView(head.buffer).getUint32(0, true));
  if (!request) break;
  const answer = await cases.answer(request);
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, answer.length, true);
  write(size);
  write(answer);
}
