"""Texts to tensors: the tokenizer's tokens, cut, padded and laid out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from tokenizers import Tokenizer

from packager.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from packager._manifest_types import TextPreprocess

    TextPreprocessor: TypeAlias = Callable[[Sequence[str]], dict[str, NDArray[np.int64]]]
"""Makes tensors ``int64 [texts, tokens]``, by the model's input names, of one text or more."""

_KNOWN = {
    "normalizer": {"BertNormalizer", "Lowercase", "NFC", "Sequence"},
    "pre_tokenizer": {"BertPreTokenizer", "ByteLevel", "Sequence"},
    "model": {"WordPiece", "BPE"},
    "post_processor": {"BertProcessing", "ByteLevel", "RobertaProcessing", "Sequence", "TemplateProcessing"},
}
"""What the page's tokenizer was proven to do as Python's does, by the part of tokenizer.json."""


def create_text_preprocessor(tokenizer: bytes, spec: TextPreprocess) -> TextPreprocessor:
    """Return what turns texts into the tensors that the model takes.

    ``tokenizer`` is the content of tokenizer.json. Its own settings for cutting and padding are not used: ``spec`` rules.

    Raises InputError when it cannot be read, when the page could not give the same tokens, or when its special tokens alone are
    more than ``spec`` allows.
    """
    opened = _open(tokenizer)
    limit = min(spec["max_length"], spec["pad_to"] or spec["max_length"])
    special = opened.num_special_tokens_to_add(is_pair=False)
    if special > limit:
        raise InputError(
            f"The tokenizer adds {special} special tokens, which is more than the {limit} that are allowed.",
            where="tokenizer.json",
            remedy="Allow more tokens.",
        )
    opened.enable_truncation(limit)

    def preprocess(texts: Sequence[str]) -> dict[str, NDArray[np.int64]]:
        if not texts:
            raise InputError("There is no text.", remedy="Give one or more.")
        encodings = opened.encode_batch([_well_formed(text) for text in texts])
        length = spec["pad_to"] or max(1, *(len(encoding.ids) for encoding in encodings))
        inputs = spec["inputs"]
        tensors = {inputs["ids"]: _pad([encoding.ids for encoding in encodings], length, spec["pad_id"])}
        if inputs["mask"] is not None:
            tensors[inputs["mask"]] = _pad([[1] * len(encoding.ids) for encoding in encodings], length, 0)
        if inputs["types"] is not None:
            tensors[inputs["types"]] = _pad([encoding.type_ids for encoding in encodings], length, 0)
        return tensors

    return preprocess


def _open(content: bytes) -> Tokenizer:
    where = "tokenizer.json"
    try:
        parts = json.loads(content)
        tokenizer = Tokenizer.from_buffer(content)
    except BaseException as error:  # tokenizers raises nothing narrower, and where its Rust panics not even an Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        remedy = "Give the tokenizer.json of a Hugging Face model."
        raise InputError("This is not a tokenizer that can be read.", where=where, remedy=remedy) from error
    for part, known in _KNOWN.items():
        for kind in _kinds(parts.get(part)):
            if kind not in known:
                raise InputError(
                    f"The page cannot be relied on for the same tokens as Python: {part} {kind}.",
                    where=where,
                    remedy=f"Known are {', '.join(sorted(known))}.",
                )
    if any(token.get("single_word") for token in parts.get("added_tokens", [])):
        raise InputError("The page knows no added tokens that must be single words.", where=where)
    tokenizer.no_padding()
    return tokenizer


def _kinds(part: dict[str, Any] | None) -> list[str]:
    """Return the types of a part of tokenizer.json and of the parts that it is a sequence of."""
    if part is None:
        return []
    inner = [each for field in ("normalizers", "pretokenizers", "processors") for each in part.get(field, [])]
    return [part.get("type", "without a type"), *(kind for each in inner for kind in _kinds(each))]


def _well_formed(text: str) -> str:
    """Replace each lone surrogate by U+FFFD: it is no character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _pad(rows: list[list[int]], length: int, padding: int) -> NDArray[np.int64]:
    result = np.full((len(rows), length), padding, np.int64)
    for row, values in zip(result, rows, strict=True):
        row[: len(values)] = values
    return result
