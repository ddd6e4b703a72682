// What text tokenizers do with characters, from tables of the bundle's own: see characters.gen.ts.

import * as tables from "./characters.gen.js";

export interface BertOptions {
  clean_text?: boolean;
  handle_chinese_chars?: boolean;
  /** Follows `lowercase` where it is not said. */
  strip_accents?: boolean | null;
  lowercase?: boolean;
}

/** Cleans, sets ideographs apart, strips accents, lowers: in this order. */
export function normalizeBert(text: string, options: BertOptions): string {
  let result = text;
  if (options.clean_text) result = replaceEach(result, clean);
  if (options.handle_chinese_chars) result = replaceEach(result, (char) => (is.ideograph(char) ? ` ${char} ` : char));
  if (options.strip_accents ?? options.lowercase)
    result = replaceEach(decompose(result), (char) => (is.mark(char) ? "" : char));
  return options.lowercase ? lowercase(result) : result;
}

/** Words: cut at whitespace, which goes, and around each mark of punctuation, which stays. */
export function splitBert(text: string): string[] {
  const words: string[] = [];
  let word = "";
  const finish = () => {
    if (word) words.push(word);
    word = "";
  };
  for (const char of text) {
    if (is.whitespace(char)) finish();
    else if (is.punctuation(char)) {
      finish();
      words.push(char);
    } else word += char;
  }
  finish();
  return words;
}

/** Each character by itself: in a word, browsers lower a final sigma to a form of its own. */
export function lowercase(text: string): string {
  return replaceEach(text, (char) => char.toLowerCase());
}

/** GPT-2's words, with whitespace as Unicode has it: JavaScript's \s holds U+FEFF and lacks U+0085. */
export const splitForBytes =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

function replaceEach(text: string, replace: (char: string) => string): string {
  let result = "";
  for (const char of text) result += replace(char);
  return result;
}

function clean(char: string): string {
  return is.removed(char) ? "" : is.whitespace(char) ? " " : char;
}

/** Canonical decomposition of the characters that the tables know to take part in it: a newer browser knows more. */
function decompose(text: string): string {
  let result = "";
  let run = "";
  for (const char of text) {
    if (is.composed(char) || is.combining(char)) run += char;
    else {
      result += run.normalize("NFD") + char;
      run = "";
    }
  }
  return result + run.normalize("NFD");
}

const is = {
  removed: member(tables.removed),
  whitespace: member(tables.whitespace),
  ideograph: member(tables.ideographs),
  mark: member(tables.marks),
  composed: member(tables.composed),
  combining: member(tables.combining),
  punctuation: member(tables.punctuation),
};

/** Tests whether a character is in a class, which is given by the distances between the code points where it begins and ends. */
function member(edges: string): (char: string) => boolean {
  let edge = 0;
  const edgesUpTo = Uint32Array.from(edges.split(" "), (distance) => (edge += Number.parseInt(distance, 36)));
  return (char) => {
    const codePoint = char.codePointAt(0) as number;
    let [low, high] = [0, edgesUpTo.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((edgesUpTo[middle] as number) <= codePoint) low = middle + 1;
      else high = middle;
    }
    return low % 2 === 1; // past an odd number of edges: within
  };
}
