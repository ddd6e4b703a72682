// Leaves out of the tokenizers' library what the manifest's tokenizers never are (docs/manifest.md, section 9): most of its
// code is for other kinds. Text models' visitors download the rest.
import { readFile } from "node:fs/promises";

/** The kinds that `packager/processing/text.py` admits, by the library's own folders and files. */
const kept = {
  normalizer: ["BertNormalizer", "Lowercase", "NFC", "UnicodeNormalizer", "Sequence", "create_normalizer"],
  preTokenizer: ["BertPreTokenizer", "ByteLevel", "Sequence", "create_pre_tokenizer"],
  tokenizerModelImplementations: ["WordPiece", "BPE", "create_tokenizer_model"],
  postProcessor: [
    "BertProcessing",
    "ByteLevel",
    "RobertaProcessing",
    "Sequence",
    "TemplateProcessing",
    "create_post_processor",
  ],
  decoder: ["create_decoder"],
};

/** One file of the library inside its bundle: its path, its code, and the name that the others know it by. */
const part = /^\/\/ src\/core\/(\w+)\/(\w+)\.ts\n[\s\S]*?\nvar (\w+_default\d*) = \w+;$/gm;

/** A kind that is left out is undefined: a tokenizer.json that asks for it all the same is refused as unreadable. */
export function withoutUnused(code) {
  const found = Object.fromEntries(Object.keys(kept).map((folder) => [folder, []]));
  const less = code.replace(part, (text, folder, file, name) => {
    found[folder]?.push(file);
    return kept[folder]?.includes(file) === false ? `var ${name};` : text;
  });
  for (const [folder, files] of Object.entries(kept)) {
    const absent = files.filter((file) => !found[folder].includes(file));
    if (absent.length > 0) throw new Error(`@huggingface/tokenizers has no ${folder}/${absent} where it was expected.`);
  }
  return less;
}

/** The library's one file. */
export const library = /@huggingface\/tokenizers\/dist\/tokenizers\.mjs$/;

export const tokenizersUsed = {
  name: "tokenizers-used",
  setup(build) {
    build.onLoad({ filter: library }, async ({ path }) => ({
      contents: withoutUnused(await readFile(path, "utf8")),
    }));
  },
};
