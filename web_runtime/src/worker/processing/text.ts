// Texts to tensors: the tokenizer's tokens, cut, padded and laid out.

import { PackagerError } from "../../shared/errors.js";
import type { TextPreprocess } from "../../shared/manifest.gen.js";
import type { Tensor, Tensors } from "../../shared/tensor.js";
import { imported } from "../script.js";
import type { Tokens } from "./tokenizer.js";

/** Makes int64 tensors [texts, tokens] of a batch of texts. */
export type TextPreprocessor = (texts: readonly string[]) => Tensors;

/** `tokenizer` is the content of tokenizer.json. Its own settings for cutting and padding are not used: `preprocess` rules. */
export async function createTextPreprocessor(
  tokenizer: Uint8Array,
  preprocess: TextPreprocess,
): Promise<TextPreprocessor> {
  // A file of its own: only text models need it.
  const { createEncoder } = await imported(import("./tokenizer.js"), "The script that reads texts");
  const { max_length, pad_to } = preprocess;
  const encode = createEncoder(tokenizer, Math.min(max_length, pad_to ?? max_length));
  return (texts) => {
    if (texts.length === 0) throw new PackagerError("input-invalid", "There is no text. Give one or more.");
    return toTensors(texts.map(encode), preprocess);
  };
}

function toTensors(batch: readonly Tokens[], { pad_to, pad_id, inputs }: TextPreprocess): Tensors {
  const length = pad_to ?? batch.reduce((longest, { ids }) => Math.max(longest, ids.length), 1);
  const tensor = (padding: number, pick: (tokens: Tokens) => readonly number[]): Tensor<"int64"> => {
    const data = new BigInt64Array(batch.length * length).fill(BigInt(padding));
    for (const [text, tokens] of batch.entries()) data.set(pick(tokens).map(BigInt), text * length);
    return { data, dims: [batch.length, length] };
  };
  return {
    [inputs.ids]: tensor(pad_id, ({ ids }) => ids),
    ...(inputs.mask === null ? {} : { [inputs.mask]: tensor(0, ({ ids }) => ids.map(() => 1)) }),
    ...(inputs.types === null ? {} : { [inputs.types]: tensor(0, ({ types }) => types) }),
  };
}
