// The executor in a worker of a page: takes requests and gives answers as messages. The same script is its helper threads.

import { type Helper, help, type Task } from "../engines/wasm/team.js";
import { Cases } from "./engine-cases.js";

interface Start {
  module: ArrayBuffer;
  /** 0 for a build without threads. */
  threads: number;
}

let cases: Cases | null = null;

function startHelper(task: Task): Promise<Helper> {
  const worker = new Worker(self.location.href, { type: "module", name: "helper" });
  return new Promise((resolve, reject) => {
    worker.onerror = () => reject(new Error("A helper did not start."));
    worker.onmessage = () => resolve(worker);
    worker.postMessage(task);
  });
}

self.onmessage = async ({ data }: MessageEvent<Task | Start | Uint8Array>) => {
  if (self.name === "helper") void help(data as Task, () => self.postMessage("ready"));
  else if (data instanceof Uint8Array) self.postMessage(await (cases as Cases).answer(data));
  else {
    const { module, threads } = data as Start;
    cases = new Cases(await WebAssembly.compile(module), threads, threads > 0 ? startHelper : null);
    self.postMessage("ready");
  }
};
