// The GPU's context: started once in a worker, on a canvas that nobody sees. A context can be lost at any time, and is not waited for.

import { setWebGLContext } from "@tensorflow/tfjs-backend-webgl";
import { env, getBackend, setBackend } from "@tensorflow/tfjs-core";
import type { Device } from "../../src/shared/api.js";
import { PackagerError } from "../../src/shared/errors.js";

export interface Card {
  readonly about: Device;
  /** Rejects when the context is lost, and at no other time. */
  readonly lost: Promise<never>;
  /** Throws where the context is lost. */
  check(): void;
}

let starting: Promise<Card> | null = null;

export function startCard(): Promise<Card> {
  starting ??= start();
  return starting;
}

async function start(): Promise<Card> {
  const canvas = typeof OffscreenCanvas === "undefined" ? null : new OffscreenCanvas(1, 1);
  const gl = canvas?.getContext("webgl2", {
    alpha: false,
    antialias: false,
    depth: false,
    stencil: false,
    premultipliedAlpha: false,
    preserveDrawingBuffer: false,
    powerPreference: "high-performance",
  });
  if (!canvas || !gl) throw failed("This browser has no WebGL 2 in a worker.");
  let isLost = false;
  const lost = new Promise<never>((_, reject) => {
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      isLost = true;
      reject(gone());
    });
  });
  lost.catch(() => {});
  const check = () => {
    if (isLost || gl.isContextLost()) throw gone();
  };
  check();
  setWebGLContext(2, gl);
  // A device of half floats only is taken as it is; one that has more is never made to compute in less.
  env().set("WEBGL_FORCE_F16_TEXTURES", false);
  const started = await setBackend("webgl").catch((cause: unknown) => {
    throw failed("WebGL did not start.", cause);
  });
  if (!started || getBackend() !== "webgl") throw failed("WebGL did not start.");
  check();
  return { about: describe(gl), lost, check };
}

const software = /swiftshader|llvmpipe|softpipe|software|basic render/i;

function describe(gl: WebGL2RenderingContext): Device {
  const extension = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = String(gl.getParameter(extension ? extension.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  const halves = env().getBool("WEBGL_RENDER_FLOAT32_ENABLED") ? "" : ", in half floats";
  return { kind: software.test(renderer) ? "software-gpu" : "gpu", name: `${renderer}${halves}` };
}

export function failed(message: string, cause?: unknown): PackagerError {
  return new PackagerError("engine-failed", message, cause === undefined ? {} : { cause });
}

const gone = () => failed("The GPU's context was lost: the browser took WebGL away from this page.");
