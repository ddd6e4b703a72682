// What the schema cannot say: that the parts of a manifest fit each other. Python checks the same in packager/consistency.py;
// docs/manifest.md states the rules, and tests/manifests holds an example of every fault.

import { onGpu } from "../shared/engine.js";
import type { Engine, ImagePreprocess, Manifest, SampleTensor, Shard, TensorType } from "../shared/manifest.gen.js";
import { arrayTypes, elements } from "../shared/tensor.js";
import type { Wrong } from "./validate.js";

type Wrongs = Generator<Wrong>;

const strides = { none: 1, shuffle2: 2, shuffle4: 4, shuffle8: 8 };

/** The first thing that does not fit in a manifest that the schema allows, or null. */
export function firstMisfit(manifest: Manifest): Wrong | null {
  for (const check of [checkSignature, checkTask, checkFiles, checkEngines, checkVariants, checkGolden, checkSamples]) {
    for (const wrong of check(manifest)) return wrong;
  }
  for (const wrong of checkShards(manifest, "", new Map())) return wrong;
  return null;
}

function* checkSignature({ signature: { inputs, outputs } }: Manifest): Wrongs {
  yield* repeated(inputs, "name", "/signature/inputs");
  yield* repeated(outputs, "name", "/signature/outputs");
}

function* checkTask({ task, signature: { inputs, outputs } }: Manifest): Wrongs {
  if (task.kind === "tensor") return;
  const { preprocess, postprocess } = task;
  if ("input" in preprocess) {
    yield* unknown(preprocess.input, inputs, "/task/preprocess/input");
    yield* checkFigures(preprocess);
  } else {
    for (const [part, name] of Object.entries(preprocess.inputs)) {
      if (name !== null) yield* unknown(name, inputs, `/task/preprocess/inputs/${part}`);
    }
  }
  yield* unknown(postprocess.output, outputs, "/task/postprocess/output");
}

function* checkFigures({ mean, std, channels }: ImagePreprocess): Wrongs {
  const count = channels === "gray" ? 1 : 3;
  for (const [field, figures] of Object.entries({ mean, std })) {
    if (figures.length === 1 || figures.length === count) continue;
    yield { path: `/task/preprocess/${field}`, what: `must have 1 or ${count} entries` };
  }
}

function* checkFiles({ files }: Manifest): Wrongs {
  for (const [i, { path }] of files.entries()) {
    const at = `/files/${i}/path`;
    if (/^(manifest\.json$|sw\.js$|shards\/)/.test(path)) yield { path: at, what: "must not be listed" };
    const before = files[i - 1];
    if (before && before.path >= path) yield { path: at, what: "must come after the path before it" };
  }
}

function* checkEngines({ engines, files }: Manifest): Wrongs {
  const scripts = new Set(files.filter(({ role }) => role === "engine").map(({ path }) => path));
  for (const [target, engine] of Object.entries(engines)) {
    const { script, glue = script } = engine as Engine;
    for (const [part, path] of Object.entries({ script, glue })) {
      if (!scripts.has(path)) yield { path: `/engines/${target}/${part}`, what: "must be a file of the role engine" };
    }
  }
}

function* checkVariants({ engines, signature, variants }: Manifest): Wrongs {
  yield* repeated(variants, "id", "/variants");
  for (const [i, { target, weights, parity }] of variants.entries()) {
    if (!engines[target]) yield { path: `/variants/${i}/target`, what: "must be one of the engines" };
    yield* repeated(weights, "location", `/variants/${i}/weights`);
    if (names(parity.outputs) !== names(signature.outputs)) {
      yield { path: `/variants/${i}/parity/outputs`, what: "must name the outputs of the signature, in their order" };
    }
  }
}

function* checkGolden({ golden, signature, variants }: Manifest): Wrongs {
  if (golden) {
    yield* checkTensors(golden.inputs, signature.inputs, "/golden/inputs", "inputs");
    yield* checkTensors(golden.outputs, signature.outputs, "/golden/outputs", "outputs");
  } else if (variants.some(onGpu)) {
    yield { path: "/golden", what: "must be there, as a variant runs on a graphics card" };
  }
}

function* checkSamples({ files, samples, signature: { inputs } }: Manifest): Wrongs {
  const pictures = new Set(files.filter(({ role }) => role === "sample").map(({ path }) => path));
  for (const [i, sample] of samples.entries()) {
    if (sample.kind === "picture" && !pictures.has(sample.path)) {
      yield { path: `/samples/${i}/path`, what: "must be a file of the role sample" };
    }
    if (sample.kind === "tensors") yield* checkTensors(sample.tensors, inputs, `/samples/${i}/tensors`, "inputs");
  }
}

function* checkTensors(tensors: SampleTensor[], types: TensorType[], path: string, kind: string): Wrongs {
  if (names(tensors) !== names(types)) yield { path, what: `must name the ${kind} of the signature, in their order` };
  for (const [j, { dims, content }] of tensors.entries()) {
    const bytes = elements(dims) * arrayTypes[(types[j] as TensorType).dtype].BYTES_PER_ELEMENT;
    const given = content.reduce((sum, shard) => sum + shard.decoded_bytes, 0);
    if (given !== bytes) yield { path: `${path}/${j}/content`, what: `must hold ${bytes} bytes, as the dims say` };
  }
}

/** Every shard in `part`, which lies at `path`; `known` holds those before it. */
function* checkShards(part: unknown, path: string, known: Map<string, string>): Wrongs {
  if (typeof part !== "object" || part === null) return;
  if (!("decoded_bytes" in part)) {
    for (const [name, inner] of Object.entries(part)) yield* checkShards(inner, `${path}/${name}`, known);
    return;
  }
  const { sha256, encoded_bytes, decoded_bytes, encoding, filter } = part as Shard;
  if (encoding === "none" && encoded_bytes !== decoded_bytes) {
    yield { path: `${path}/encoded_bytes`, what: "must be the decoded bytes, as there is no encoding" };
  }
  if (decoded_bytes % strides[filter] !== 0) {
    yield { path: `${path}/decoded_bytes`, what: `must be whole elements of ${strides[filter]} bytes, for the filter` };
  }
  const form = [encoded_bytes, decoded_bytes, encoding, filter].join();
  if ((known.get(sha256) ?? form) !== form) yield { path, what: "must be as where the same shard is named before" };
  known.set(sha256, form);
}

function* repeated<K extends string>(entries: Record<K, string>[], field: K, path: string): Wrongs {
  const seen = new Set<string>();
  for (const [i, entry] of entries.entries()) {
    if (seen.has(entry[field])) yield { path: `${path}/${i}/${field}`, what: "must differ from those before it" };
    seen.add(entry[field]);
  }
}

function* unknown(name: string, among: TensorType[], path: string): Wrongs {
  if (!among.some((type) => type.name === name)) yield { path, what: "must be a name in the signature" };
}

const names = (entries: { name: string }[]) => JSON.stringify(entries.map(({ name }) => name));
