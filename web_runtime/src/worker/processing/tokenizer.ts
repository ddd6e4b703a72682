// The tokenizer of text models: a file of its own in the bundle, which only they fetch.

import {
  BertNormalizer,
  BertPreTokenizer,
  ByteLevelPreTokenizer,
  LowercaseNormalizer,
  Tokenizer,
} from "@huggingface/tokenizers";
import { PackagerError } from "../../shared/errors.js";
import { lowercase, normalizeBert, splitBert, splitForBytes } from "./characters.js";

export interface Tokens {
  ids: number[];
  /** Which of two texts each token is of, as the model was trained to be told. */
  types: number[];
}

/** Tokens of a text: at most `limit`, special tokens included. `bytes` is the content of tokenizer.json. */
export function createEncoder(bytes: Uint8Array, limit: number): (text: string) => Tokens {
  const tokenizer = open(bytes);
  const special = addSpecial(tokenizer, []).ids.length;
  if (special > limit) {
    const message = `The tokenizer adds ${special} special tokens, which is more than the ${limit} that preprocess allows.`;
    throw new PackagerError("manifest-invalid", message);
  }
  return (text) => {
    const wellFormed = text.replace(/\p{Surrogate}/gu, "\uFFFD");
    return addSpecial(tokenizer, tokenizer.tokenize(wellFormed).slice(0, limit - special));
  };
}

function open(bytes: Uint8Array): Tokenizer {
  try {
    const content = JSON.parse(new TextDecoder().decode(bytes));
    const absent = { normalizer: null, pre_tokenizer: null, post_processor: null, added_tokens: [] };
    // Nothing is ever decoded, so that a decoder unknown here does no harm.
    return new Tokenizer({ ...absent, ...content, decoder: null }, {});
  } catch (cause) {
    const message = "The bundle's tokenizer cannot be read. Build the bundle anew with this version of packager.";
    throw new PackagerError("manifest-invalid", message, { cause });
  }
}

function addSpecial(tokenizer: Tokenizer, tokens: string[]): Tokens {
  const processed = tokenizer.post_processor?.post_process(tokens, null, true) ?? { tokens };
  const ids = processed.tokens.map(
    (token) => tokenizer.token_to_id(token) ?? (tokenizer.model?.unk_token_id as number),
  );
  return { ids, types: processed.token_type_ids ?? ids.map(() => 0) };
}

// Where the library and Python's tokenizers differ, the library is put right: it knows characters beyond the first 65,536 only
// by halves, classes of characters by the browser's tables, and lower case by the place in a word.
BertNormalizer.prototype.normalize = function (text) {
  return normalizeBert(text, this.config);
};
BertPreTokenizer.prototype.pre_tokenize_text = splitBert;
LowercaseNormalizer.prototype.normalize = lowercase;

const encodeBytes = ByteLevelPreTokenizer.prototype.pre_tokenize_text;
ByteLevelPreTokenizer.prototype.pre_tokenize_text = function (text, options) {
  this.pattern = splitForBytes;
  return encodeBytes.call(this, text, options);
};
