// What a task does around the engine: its input to tensors, and the outputs to its result.

import type { Task, TaskOutput } from "../shared/api.js";
import { PackagerError } from "../shared/errors.js";
import type { Content, ImageClassification, Manifest, TextEmbedding } from "../shared/manifest.gen.js";
import type { RunInput } from "../shared/protocol.js";
import type { Tensor, Tensors } from "../shared/tensor.js";
import { classify, createTextPreprocessor, embed, preprocessImage } from "./processing/index.js";

/** Reads a content of the bundle. */
export type Read = (content: Content) => Promise<Uint8Array<ArrayBuffer>>;

export interface TaskSteps {
  preprocess(input: RunInput): Promise<Tensors>;
  postprocess(outputs: Tensors, inputs: Tensors): TaskOutput[Task];
}

/** Reads what the task needs besides the model, and makes its steps. */
export function prepareTask({ task }: Manifest, read: Read): Promise<TaskSteps> {
  if (task.kind === "image-classification") return imageClassification(task, read);
  if (task.kind === "text-embedding") return textEmbedding(task, read);
  return Promise.resolve({ preprocess: async (input) => input as Tensors, postprocess: (outputs) => outputs });
}

async function imageClassification(task: ImageClassification, read: Read): Promise<TaskSteps> {
  const { preprocess, postprocess } = task;
  const labels = postprocess.labels && parseLabels(await read(postprocess.labels));
  return {
    preprocess: async (input) => {
      if (typeof input !== "object") throw new PackagerError("input-invalid", "run() takes a picture, not a text.");
      // The pre-processor itself refuses what is not a picture.
      return { [preprocess.input]: await preprocessImage(input as Parameters<typeof preprocessImage>[0], preprocess) };
    },
    postprocess: (outputs) => classify(output(outputs, postprocess.output), postprocess, labels),
  };
}

async function textEmbedding(task: TextEmbedding, read: Read): Promise<TaskSteps> {
  const { preprocess, postprocess } = task;
  const encode = await createTextPreprocessor(await read(preprocess.tokenizer), preprocess);
  return {
    preprocess: async (input) => {
      const texts = typeof input === "string" ? [input] : input;
      if (!Array.isArray(texts) || !texts.every((text) => typeof text === "string")) {
        throw new PackagerError("input-invalid", "run() takes a text or an array of texts.");
      }
      return encode(texts);
    },
    postprocess: (outputs, inputs) => {
      const mask = preprocess.inputs.mask === null ? null : (inputs[preprocess.inputs.mask] ?? null);
      return embed(output(outputs, postprocess.output), mask, postprocess);
    },
  };
}

function parseLabels(bytes: Uint8Array): string[] {
  const labels: unknown = JSON.parse(new TextDecoder().decode(bytes));
  if (Array.isArray(labels) && labels.every((label) => typeof label === "string")) return labels;
  throw new PackagerError(
    "manifest-invalid",
    "The bundle's labels are not a JSON array of strings. Build the bundle again.",
  );
}

function output(outputs: Tensors, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor) return tensor;
  throw new PackagerError(
    "manifest-invalid",
    `The task reads the output "${name}", which the model does not have. Build the bundle again.`,
  );
}
