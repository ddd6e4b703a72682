// Runs the executor on cases for the tests: a plan, its weights and inputs in, outputs or the error out. One engine a case, one
// team of threads for all. A request and its answer are each: u32 length of a JSON header, the header, and the bytes it refers to.

import { Engine } from "../engines/wasm/engine.js";
import { type StartHelper, Team } from "../engines/wasm/team.js";
import type { Dtype } from "../src/shared/manifest.gen.js";
import { arrayTypes, type Tensors } from "../src/shared/tensor.js";

interface Part {
  offset: number;
  bytes: number;
}

interface Request {
  plan: Part;
  weights: Part;
  inputs: ({ name: string; dtype: Dtype; dims: number[] } & Part)[];
  /** How often to time a run after the first. */
  runs: number;
  limits: { memory: number; work: number } | null;
  /** What memory to watch: what lies around the arena, or all but the inputs' and outputs' own bytes. */
  guard: "" | "arena" | "buffers";
}

/** So much memory behind the arena is watched. */
const guardBytes = 65_536;

export class Cases {
  readonly #module: WebAssembly.Module;
  readonly #threads: number;
  readonly #start: StartHelper | null;
  #team: Team | null = null;

  /** `start` starts a helper of a build for threads, and is null for a build without them. */
  constructor(module: WebAssembly.Module, threads: number, start: StartHelper | null) {
    this.#module = module;
    this.#threads = threads;
    this.#start = start;
  }

  /** The answer to a request. A case whose error has no code of ours ends in the code "uncoded". */
  async answer(request: Uint8Array): Promise<Uint8Array> {
    const [header, body] = unpack(request);
    try {
      return await this.#run(header as Request, body);
    } catch (error) {
      const { code = "uncoded", message, stack } = error as { code?: string; message: string; stack?: string };
      return pack({ error: { code, message, stack } }, []);
    }
  }

  async #run({ plan, weights, inputs, runs, limits, guard }: Request, body: Uint8Array): Promise<Uint8Array> {
    this.#team ??= await this.#assemble();
    const part = ({ offset, bytes }: Part) => body.slice(offset, offset + bytes);
    const began = performance.now();
    const engine = new Engine(part(plan), this.#team, ...(limits ? [limits] : []));
    engine.receive("0", part(weights));
    engine.start();
    const ready = performance.now() - began;
    const feeds: Tensors = Object.fromEntries(
      inputs.map((input) => [input.name, { data: new arrayTypes[input.dtype](part(input).buffer), dims: input.dims }]),
    );
    const dims = inputs.map((input) => input.dims);
    if (guard) await this.#watch(engine, dims, feeds, guard === "buffers");
    const first = performance.now();
    const outputs = await engine.infer(feeds);
    const times = [performance.now() - first];
    for (let i = 0; i < runs; i++) {
      const start = performance.now();
      await engine.infer(feeds);
      times.push(performance.now() - start);
    }
    const { arena, activations, work } = engine.figures(dims);
    const entries = Object.entries(outputs).map(([name, { data, dims }]) => ({ name, dims, bytes: data.byteLength }));
    const arrays = Object.values(outputs).map(
      ({ data: { buffer, byteOffset, byteLength } }) => new Uint8Array(buffer, byteOffset, byteLength),
    );
    return pack({ outputs: entries, times, ready, threads: engine.threads, arena, activations, work }, arrays);
  }

  /** Throws where a run writes outside of the arena, or gives other outputs when other bytes lie behind the arena. */
  async #watch(engine: Engine, dims: number[][], feeds: Tensors, strict: boolean): Promise<void> {
    const team = this.#team as Team;
    const { weightsAt, arenaAt, arena, inputs, outputs } = engine.figures(dims);
    team.reserve(arenaAt + arena + guardBytes, Number.POSITIVE_INFINITY);
    const before = team.bytes(weightsAt, arenaAt - weightsAt).slice();
    const answers: string[] = [];
    for (const pattern of [0x00, 0x41]) {
      team.bytes(arenaAt, arena).fill(strict ? pattern : 0);
      team.bytes(arenaAt + arena, guardBytes).fill(pattern);
      // Kernels may leave gaps in what they write.
      for (const { address, bytes } of strict ? outputs : []) team.bytes(address, bytes).fill(0);
      answers.push(
        Object.values(await engine.infer(feeds))
          .map(({ data }) => digest(oneNaN(data)))
          .join(),
      );
      if (team.bytes(arenaAt + arena, guardBytes).some((byte) => byte !== pattern))
        throw new Error("wrote behind the arena");
      const rest = team.bytes(arenaAt, strict ? arena : 0).slice();
      for (const { address, bytes } of [...inputs, ...outputs])
        rest.fill(pattern, address - arenaAt, address - arenaAt + bytes);
      if (rest.some((byte) => byte !== pattern)) throw new Error("wrote between the buffers");
      const after = team.bytes(weightsAt, arenaAt - weightsAt);
      if (digest(after) !== digest(before)) throw new Error("wrote into the weights");
    }
    if (answers[0] !== answers[1]) throw new Error("read behind the arena");
  }

  #assemble(): Promise<Team> {
    return this.#start ? Team.together(this.#module, this.#threads, this.#start) : Team.alone(this.#module);
  }
}

/** Of several NaNs, which browsers choose from as they like, one. */
function oneNaN(data: ArrayBufferView): ArrayBufferView {
  return data instanceof Float32Array ? data.map((value) => (Number.isNaN(value) ? Number.NaN : value)) : data;
}

/** FNV-1a of an array's bytes. */
function digest({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(buffer, byteOffset, byteLength)) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${byteLength}:${hash}`;
}

function unpack(message: Uint8Array): [unknown, Uint8Array] {
  const length = new DataView(message.buffer, message.byteOffset).getUint32(0, true);
  const header: unknown = JSON.parse(new TextDecoder().decode(message.subarray(4, 4 + length)));
  return [header, message.subarray(4 + length)];
}

function pack(header: object, parts: Uint8Array[]): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const message = new Uint8Array(4 + text.length + parts.reduce((sum, { length }) => sum + length, 0));
  new DataView(message.buffer).setUint32(0, text.length, true);
  message.set(text, 4);
  let at = 4 + text.length;
  for (const part of parts) {
    message.set(part, at);
    at += part.length;
  }
  return message;
}
