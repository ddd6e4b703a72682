// Runs single kernels for the Python tests: node runner.mjs MODULE THREADS. On stdin and stdout: an int32 length, that much JSON,
// then the bytes it announces. A request is {id, last, args}: an argument is a number (a word) or {bytes, in, out}. Every buffer has just its
// bytes and lies between guards that no kernel may touch; the buffer `last` ends with the memory, so reading past it traps.
import { readFileSync, readSync, writeSync } from "node:fs";
import { Worker, isMainThread, workerData } from "node:worker_threads";

const PAGE = 65536;
const GUARD = 64;
function instantiate(module, memory) {
  return new WebAssembly.Instance(module, { env: { memory } }).exports;
}

if (!isMainThread) {
  const { module, memory, stack } = workerData;
  const exports = instantiate(module, memory);
  exports.__stack_pointer.value = stack;
  exports.help();
} else {
  serve(process.argv[2], Number(process.argv[3]));
}

function read(count) {
  const buffer = Buffer.alloc(count);
  for (let at = 0; at < count; ) {
    const got = readSync(0, buffer, at, count - at);
    if (got === 0) process.exit(0);
    at += got;
  }
  return buffer;
}

function write(bytes) {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

function answer(header, blocks) {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeInt32LE(json.length);
  write(Buffer.concat([length, json, ...blocks]));
}

function serve(path, threads) {
  const module = new WebAssembly.Module(readFileSync(path));
  const shared = threads > 0;
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 4096, shared });
  const exports = instantiate(module, memory);
  for (let thread = 1; thread < threads; thread++) {
    const stack = exports.stack_of(thread);
    new Worker(new URL(import.meta.url), { workerData: { module, memory, stack } });
  }
  for (;;) {
    const request = JSON.parse(read(read(4).readInt32LE()).toString());
    try {
      const blocks = call(exports, memory, threads, request);
      answer({ sizes: blocks.map((block) => block.length) }, blocks);
    } catch (error) {
      answer({ error: String(error) }, []);
      if (error instanceof WebAssembly.RuntimeError) process.exit(1);
    }
  }
}

function round(n) {
  return Math.ceil(n / 64) * 64;
}

function place(exports, memory, { args, last }) {
  let at = round(exports.__heap_base.value) + 8 * (args.length + 2) + GUARD;
  const places = args.map((arg, i) => {
    if (typeof arg !== "object" || arg === null || i === last) return 0;
    const start = round(at + GUARD);
    at = start + arg.bytes;
    return start;
  });
  const tail = last === undefined || last < 0 ? 0 : args[last].bytes;
  const need = Math.ceil((at + 2 * GUARD + 64 + tail) / PAGE) - memory.buffer.byteLength / PAGE;
  if (need > 0) memory.grow(need);
  if (tail || (last !== undefined && last >= 0)) places[last] = memory.buffer.byteLength - tail;
  return { places, end: at };
}

function call(exports, memory, threads, request) {
  const { args, id } = request;
  const { places, end } = place(exports, memory, request);
  const bytes = new Uint8Array(memory.buffer);
  const base = round(exports.__heap_base.value);
  bytes.fill(0xff, base, end + GUARD);
  const buffers = args.map((arg, i) => ({ arg, at: places[i] })).filter(({ arg }) => typeof arg === "object" && arg !== null);
  for (const { at } of buffers) bytes.fill(0xff, at - GUARD, at);
  for (const { arg, at } of buffers) {
    if (arg.in) bytes.set(read(arg.bytes), at);
    else bytes.fill(0xff, at, at + arg.bytes);
  }
  const words = [id, args.length + 2, ...args.map((arg, i) => (typeof arg === "object" && arg !== null ? places[i] : (arg ?? 0)))];
  new Int32Array(memory.buffer, base, words.length).set(words);
  exports.run(base, base + 4 * words.length, Number(threads > 1));
  for (const { arg, at } of buffers) {
    const guards = [...bytes.subarray(at - GUARD, at), ...bytes.subarray(at + arg.bytes, at + arg.bytes + GUARD)];
    const after = at + arg.bytes === bytes.length ? GUARD : 2 * GUARD;
    if (guards.slice(0, after).some((byte) => byte !== 0xff)) throw new Error(`wrote outside of a buffer of ${arg.bytes} bytes`);
  }
  return buffers.filter(({ arg }) => arg.out).map(({ arg, at }) => Buffer.from(bytes.slice(at, at + arg.bytes)));
}
