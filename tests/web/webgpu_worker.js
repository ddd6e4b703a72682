// A worker with the engine of the target webgpu alone, on a card with the least that WebGPU promises; told what to do by tests.
let dispatches = 0;
let device;
let engine;
let session;

const { dispatchWorkgroups } = GPUComputePassEncoder.prototype;
GPUComputePassEncoder.prototype.dispatchWorkgroups = function (...sizes) {
  dispatches++;
  return dispatchWorkgroups.apply(this, sizes);
};

const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function ({ requiredLimits, ...wanted }) {
  const { maxBufferSize: _size, maxStorageBufferBindingSize: _binding, ...limits } = requiredLimits;
  device = await requestDevice.call(this, { ...wanted, requiredLimits: limits });
  return device;
};

const url = (path) => new URL(path, location.origin).href;
const bytes = async (path) => new Uint8Array(await (await fetch(url(path))).arrayBuffer());

const steps = {
  hideGpu: () => {
    Object.defineProperty(navigator, "gpu", { value: undefined });
  },
  prepare: async ({ script, glue, module }) => {
    engine = await import(url(script));
    await engine.prepare({ glue: url(glue), module: await bytes(module) }, 1);
  },
  createSession: async ({ signature }) => {
    const options = { files: {}, signature, graph: await bytes("/graph"), weights: new Map(), threads: 1 };
    session = await engine.createSession(options);
    return session.device;
  },
  infer: async ({ x, count }) => {
    const before = dispatches;
    const { y } = await session.infer({
      x: { data: Float32Array.of(x), dims: [1] },
      shape: { data: BigInt64Array.of(BigInt(count)), dims: [1] },
    });
    return { y: [...y.data], dispatches: dispatches - before };
  },
  lose: async () => {
    device.destroy();
    await device.lost;
  },
};

onmessage = async ({ data: { step, given } }) => {
  try {
    postMessage({ result: (await steps[step](given)) ?? null });
  } catch (error) {
    postMessage({ error: error.message });
  }
};
