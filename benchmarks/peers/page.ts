// The page around a peer: loads it, makes the first inference, then stands ready for timed runs.

import { type Config, fetchInput, type Prepare, type Prepared, required, type Tensors } from "./contract.js";

/**
 * - script: the page's code runs
 * - engine: the peer's engine is ready, where it tells
 * - downloaded: the last byte is there (and verified, where the peer verifies)
 * - ready: the model can be asked
 * - first: it has answered for the first time
 */
export type Mark = "script" | "engine" | "downloaded" | "ready" | "first";

export interface Started {
  /** Milliseconds since the navigation began. */
  marks: Record<Mark, number>;
  info: Prepared["info"];
}

export interface Answer {
  dims: number[];
  /** Little-endian float32 in base64. */
  data: string;
}

declare global {
  /** What the runner talks to. */
  var contender: {
    started: Promise<Started>;
    /** Milliseconds of each of so many runs, one after another. */
    time(runs: number): Promise<number[]>;
    /** Outputs of a run, by name. */
    answer(): Promise<Record<string, Answer>>;
  };
}

/** Makes `globalThis.contender` of a peer. */
export function enter(prepare: Prepare): void {
  performance.mark("script");
  const config = JSON.parse(required(new URLSearchParams(location.search).get("config"), "the config")) as Config;
  const running = start(prepare, config);
  globalThis.contender = {
    started: running.then(({ started }) => started),
    time: async (runs) => {
      const { prepared, inputs } = await running;
      const times: number[] = [];
      for (let run = 0; run < runs; run += 1) {
        const before = performance.now();
        await prepared.infer(inputs);
        times.push(performance.now() - before);
      }
      return times;
    },
    answer: async () => {
      const { prepared, inputs } = await running;
      return encode(await prepared.infer(inputs));
    },
  };
}

async function start(prepare: Prepare, config: Config) {
  // The inputs come beside the engine, so that they hold up no peer more than another.
  const fetched = Promise.all(config.inputs.map(fetchInput));
  const prepared = await prepare(config);
  performance.mark("ready");
  const inputs = Object.fromEntries(await fetched);
  await prepared.infer(inputs);
  performance.mark("first");
  return { prepared, inputs, started: { marks: marks(config), info: prepared.info } };
}

function marks(config: Config): Record<Mark, number> {
  const at = (mark: Mark) => performance.getEntriesByName(mark, "mark")[0]?.startTime;
  const [script, ready, first] = [at("script"), at("ready"), at("first")].map((time) => required(time, "a mark"));
  const inputs = config.inputs.map(({ url }) => new URL(url, location.href).href);
  const ends = performance.getEntriesByType("resource").map((entry) => {
    const { name, responseEnd } = entry as PerformanceResourceTiming;
    return inputs.includes(name) || responseEnd > (ready ?? 0) ? 0 : responseEnd;
  });
  const downloaded = at("downloaded") ?? Math.max(script ?? 0, ...ends);
  return { script, engine: at("engine") ?? ready, downloaded, ready, first } as Record<Mark, number>;
}

function encode(outputs: Tensors): Record<string, Answer> {
  const entries = Object.entries(outputs).map(([name, { data, dims }]): [string, Answer] => {
    const values = data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>);
    return [
      name,
      { dims: [...dims], data: base64(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)) },
    ];
  });
  return Object.fromEntries(entries);
}

function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  // As many at once as fit in the arguments of a call.
  for (let at = 0; at < bytes.length; at += 32768) parts.push(String.fromCharCode(...bytes.subarray(at, at + 32768)));
  return btoa(parts.join(""));
}
