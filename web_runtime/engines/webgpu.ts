// The engine of the target webgpu: ONNX Runtime Web with its WebGPU provider. Operators that the provider lacks run on the
// processor inside the same module; docs/webgpu.md tells which.

import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-web/webgpu";
import type { Device } from "../src/shared/api.js";
import type { EngineFiles, Session, SessionOptions } from "../src/shared/engine.js";
import type { Tensor } from "../src/shared/tensor.js";
import { fromOrt, tinyModel } from "./ort-tensors.js";

/** The graphics card, opened once for every session of this worker. */
interface Card {
  device: GPUDevice;
  about: Device;
  /** Never resolves; rejects when the browser takes the device away. */
  lost: Promise<never>;
}

/** What kernels make use of where the adapter has it. */
const features: GPUFeatureName[] = ["shader-f16", "subgroups"];

/** What kernels and large tensors ask for; all that the adapter gives. */
const limits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;

let starting: Promise<Card> | null = null;

/** Opens the graphics card and compiles the module. Later calls wait for the first: a worker holds one of each. */
export async function prepare(files: EngineFiles): Promise<void> {
  starting ??= start(files);
  await starting;
}

async function start({ glue, module }: EngineFiles): Promise<Card> {
  const card = await openCard();
  env.logLevel = "error";
  Object.assign(env.wasm, { wasmBinary: module, wasmPaths: { mjs: glue }, numThreads: 1, proxy: false });
  const session = await InferenceSession.create(tinyModel(), { executionProviders: providers(card) });
  await session.release();
  delete env.wasm.wasmBinary;
  return card;
}

async function openCard(): Promise<Card> {
  // Typed as always there, which older browsers and pages without https do not keep to.
  const gpu = navigator.gpu as GPU | undefined;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("This browser offers no WebGPU adapter.");
  const device = await adapter.requestDevice({
    requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(limits.map((limit) => [limit, adapter.limits[limit]])),
  });
  const lost = device.lost.then(({ message }) => {
    throw new Error(`The browser took the graphics card away${message ? `: ${message}` : "."}`);
  });
  // Whoever waits for it is told; nobody may be waiting.
  lost.catch(() => undefined);
  return { device, about: describe(adapter.info), lost };
}

function describe({ vendor, architecture, description, isFallbackAdapter }: GPUAdapterInfo): Device {
  const name = [vendor, architecture, description].filter(Boolean).join(" ");
  return { kind: isFallbackAdapter ? "software-gpu" : "gpu", name };
}

const providers = ({ device }: Card) => [{ name: "webgpu", device }] as const;

export async function createSession({ files, graph, weights, signature }: SessionOptions): Promise<Session> {
  await prepare(files);
  const card = await (starting as Promise<Card>);
  const externalData = Array.from(weights, ([path, data]) => ({ path, data }));
  const session = await watched(card, () =>
    InferenceSession.create(graph, { executionProviders: providers(card), externalData }),
  );
  // They are on the card now.
  weights.clear();
  return {
    threads: 1,
    device: card.about,
    infer: (inputs) =>
      watched(card, async () => {
        const feeds = signature.inputs.map(({ name, dtype }) => {
          const { data, dims } = inputs[name] as Tensor;
          return [name, new OrtTensor(dtype, data, dims)] as const;
        });
        return fromOrt(await session.run(Object.fromEntries(feeds)), signature.outputs);
      }),
    dispose: () =>
      Promise.race([card.lost, undefined]).then(
        () => session.release(),
        () => undefined,
      ),
  };
}

/** Work on the card, which its loss ends; and what the library says of a refusal, without its codes. */
async function watched<T>({ lost }: Card, work: () => Promise<T>): Promise<T> {
  // The library does not come back from a run on a card that is gone.
  await Promise.race([lost, undefined]);
  const running = work();
  running.catch(() => undefined);
  try {
    return await Promise.race([lost, running]);
  } catch (cause) {
    const [, said] = /WebGPU validation failed\. ([^\n]*)/.exec(String(cause)) ?? [];
    throw said === undefined ? cause : new Error(`The graphics card refused: ${said}`, { cause });
  }
}
