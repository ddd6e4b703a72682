"""Texts, and the tensors that Hugging Face's tokenizers makes of them with small vocabularies."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.normalizers import BertNormalizer

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jump",
    "##ed",
    "##s",
    "over",
    "don",
    "istanbul",
    "naive",
    "[unused0]",
    "##ing",
    "a",
    "no",
]

TEXTS = [
    "",
    " \t\r\n ",
    "The quick brown fox jumped over the lazy dogs.",
    "naïve Ångström CAFÉ cafe\u0301 e\u0301\u0323 \u0344",
    "İSTANBUL ΟΔΟΣ ΟΔΟΣ. ǅ ẞ ß ﬁ",
    "日本語のテキスト 한국어 中文\U00020000\U0002b920\U0002f800字",
    "👩‍👩‍👧 🇺🇳 ❤️ 🏽a",
    "שָׁלוֹם עולם مرحبا بالعالم \u202eabc\u202c",
    "zero\u0000width\u200bspace\ufeffjoined\u00adsoft\u0085next\u2028line\u3000wide\u00a0hard\u180e",
    "a\ufffdb \ue000 \x07bell \x7f",
    "half \ud800 lone \udc00\ud800 pair",
    "[CLS] the [MASK] [SEP] [cls] <s>the</s> <mask> [UNK]",
    "don't  stop—believing…„quotes“ ¿qué? §5 №1 ٪؟ ॥",
    "\u1b7d \u2e43 \U00010d6e \U0001e95e \u058a \u30fb \u055a \uff02",
    "e" * 120 + " " + "x" * 90,
    "  I'll they've we're  it's 'sup\n\nnew   line 123 4½ ४५",
]

NEW = "\u0897\u07fdb \U0001e08f a\U00011938 \u1ada \u08d4\u08e3 \u302e\u0897\u0334 \U0001d166\U0001d16d\U0001d165"
"""Characters of Unicode 9 to 17, which canonical composition may know or not."""


def golden() -> dict[str, Any]:
    """Return the tokenizers, and cases of tokenizer, preprocess, texts and tensors."""
    names = {"ids": "input_ids", "mask": "attention_mask", "types": "token_type_ids"}
    unmasked = {**names, "mask": None, "types": None}
    cases = []

    def add(name: str, texts: list[str], max_length: int, pad_to: int | None, pad_id: int, inputs: dict[str, Any]) -> None:
        preprocess = {"tokenizer": [], "max_length": max_length, "pad_to": pad_to, "pad_id": pad_id, "inputs": inputs}
        cases.append(
            {"tokenizer": name, "preprocess": preprocess, "texts": texts, "tensors": _tensors(made[name], texts, preprocess)}
        )

    made = {"uncased": _uncased(), "cased": _cased(), "bytes": _bytes(), "folded-bytes": _folded_bytes()}
    for name in made:
        for text in TEXTS if name == "folded-bytes" else [*TEXTS, NEW]:
            add(name, [text], 512, None, 0, names)
        add(name, TEXTS[2:6], 9, None, 1, names)
        add(name, TEXTS[:4], 512, 20, 7, {**names, "types": None})
        add(name, TEXTS[:4], 32, 5, 0, names)
        add(name, ["the fox"], 2, None, 0, unmasked)
    return {"tokenizers": [{"name": name, "content": content} for name, content in made.items()], "cases": cases}


def characters() -> dict[str, Any]:
    """Return SHA-256 digests of what tokenizers makes of every character, for options of the BERT normaliser and its words."""
    every = _between(range(0x110000))
    # Lower case by blocks that are long complete: a browser's tables may be older or newer than Python's.
    settled = _between([*range(0x1C80), *range(0x1E00, 0x2C00), *range(0xFF00, 0x10000)])
    options = [
        {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": False},
        {"clean_text": False, "handle_chinese_chars": False, "strip_accents": True, "lowercase": False},
    ]
    lower = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    words = [word for word, _ in pre_tokenizers.BertPreTokenizer().pre_tokenize_str(every)]
    return {
        "normalized": [{"options": each, "sha256": _sha256(BertNormalizer(**each).normalize_str(every))} for each in options],
        "lowered": {"options": lower, "sha256": _sha256(BertNormalizer(**lower).normalize_str(settled))},
        "words": _sha256("\n".join(words)),
    }


def _between(code_points: Any) -> str:
    return "0".join(chr(c) for c in code_points if not 0xD800 <= c < 0xE000)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _tensors(content: dict[str, Any], texts: list[str], preprocess: dict[str, Any]) -> dict[str, Any]:
    tokenizer = Tokenizer.from_str(json.dumps(content))
    pad_to, inputs = preprocess["pad_to"], preprocess["inputs"]
    tokenizer.enable_truncation(min(preprocess["max_length"], pad_to or preprocess["max_length"]))
    tokenizer.enable_padding(length=pad_to, pad_id=preprocess["pad_id"])
    # What is no character cannot be given to tokenizers: the manifest's rules put U+FFFD in its place.
    encodings = tokenizer.encode_batch(["".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text) for text in texts])
    rows = {
        inputs["ids"]: [encoding.ids for encoding in encodings],
        inputs["mask"]: [encoding.attention_mask for encoding in encodings],
        inputs["types"]: [encoding.type_ids for encoding in encodings],
    }
    return {name: _tensor(values, preprocess["pad_id"]) for name, values in rows.items() if name is not None}


def _tensor(rows: list[list[int]], padding: int) -> dict[str, Any]:
    rows = rows if rows[0] else [[padding] for _ in rows]  # never empty: a model may not take that
    return {"dims": [len(rows), len(rows[0])], "data": [value for row in rows for value in row]}


def _tokenizer(model: dict[str, Any], special: list[str], **parts: Any) -> dict[str, Any]:
    """Its settings for cutting and padding are there to be ignored."""
    added = [
        {"id": model["vocab"][token], "content": token, "single_word": False, "lstrip": token == "<mask>", "rstrip": False}
        | {"normalized": False, "special": True}
        for token in special
    ]
    padding = {"strategy": {"Fixed": 64}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 3, "pad_type_id": 1}
    return {
        "version": "1.0",
        "truncation": {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
        "padding": {**padding, "pad_token": "?"},
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": model,
        **parts,
    }


def _wordpiece(lowercase: bool, post_processor: dict[str, Any]) -> dict[str, Any]:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    # Characters as they are and decomposed, but every seventh, which stays unknown.
    seen = "".join(TEXTS) + "".join(TEXTS).lower()
    characters = sorted(set(seen + unicodedata.normalize("NFD", seen.encode("utf-8", "replace").decode())))
    kept = [c for i, c in enumerate(characters) if (i % 7 or c.isascii()) and not c.isspace() and not 0xD800 <= ord(c) < 0xE000]
    pieces = [*special, *WORDS, *kept, *(f"##{c}" for c in kept if c.isalnum() or unicodedata.category(c).startswith("M"))]
    vocab = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    normalizer = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None}
    return _tokenizer(
        {**model, "vocab": vocab},
        special,
        normalizer={**normalizer, "lowercase": lowercase},
        pre_tokenizer={"type": "BertPreTokenizer"},
        post_processor=post_processor,
    )


def _uncased() -> dict[str, Any]:
    return _wordpiece(True, _template("[CLS]", 2, "[SEP]", 3))


def _cased() -> dict[str, Any]:
    return _wordpiece(False, {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]})


def _template(first: str, first_id: int, last: str, last_id: int) -> dict[str, Any]:
    def special(token: str) -> dict[str, Any]:
        return {"SpecialToken": {"id": token, "type_id": 0}}

    single = [special(first), {"Sequence": {"id": "A", "type_id": 0}}, special(last)]
    pair = [*single, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": last, "type_id": 1}}]
    ids = {first: first_id, last: last_id}
    tokens = {token: {"id": token, "ids": [number], "tokens": [token]} for token, number in ids.items()}
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens}


_MERGES = [
    "Ġ t",
    "h e",
    "Ġt he",
    "Ġ q",
    "u i",
    "c k",
    "o w",
    "o v",
    "e r",
    "Ġ Ġ",
    "i n",
    "in g",
    "' s",
    "Ġ '",
    "ð Ł",
    "à ¤",
    "e e",
    "ee ee",
]
_MARKS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def _byte_bpe(**parts: Any) -> dict[str, Any]:
    pieces = [*_MARKS, *sorted(pre_tokenizers.ByteLevel.alphabet()), *(merge.replace(" ", "") for merge in _MERGES)]
    vocab = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    model = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None}
    model |= {"fuse_unk": False, "byte_fallback": False, "ignore_merges": False}
    return _tokenizer({**model, "vocab": vocab, "merges": [merge.split(" ") for merge in _MERGES]}, _MARKS, **parts)


def _byte_level(prefix: bool) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": True}


def _bytes() -> dict[str, Any]:
    roberta = {
        "type": "RobertaProcessing",
        "sep": ["</s>", 2],
        "cls": ["<s>", 0],
        "trim_offsets": True,
        "add_prefix_space": False,
    }
    return _byte_bpe(pre_tokenizer=_byte_level(prefix=False), post_processor=roberta)


def _folded_bytes() -> dict[str, Any]:
    return _byte_bpe(
        normalizer={"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]},
        pre_tokenizer={"type": "Sequence", "pretokenizers": [_byte_level(prefix=True)]},
        post_processor={"type": "Sequence", "processors": [_byte_level(prefix=True), _template("<s>", 0, "</s>", 2)]},
    )
