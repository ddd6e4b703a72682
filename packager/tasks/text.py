"""text-embedding: texts in, one vector a text out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from packager.bounds import read_limited
from packager.errors import InputError
from packager.model import input_named
from packager.tasks.files import read_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packager._manifest_types import Content, EmbeddingPostprocess, Task, TensorType, TextPreprocess
    from packager.model import AnyModel
    from packager.options import TaskKind
    from packager.tasks.files import TaskFiles

IDS = ("input_ids", "ids", "tokens")
_MASKS = ("attention_mask", "mask", "input_mask")
_TYPES = ("token_type_ids", "segment_ids")
_DEFAULT_MAX_LENGTH = 512


@dataclass(frozen=True)
class TextTask:
    """text-embedding: texts in, one vector a text out."""

    preprocess: TextPreprocess
    postprocess: EmbeddingPostprocess
    tokenizer: bytes
    kind: TaskKind = "text-embedding"

    def manifest(self, write: Callable[[bytes], Content]) -> Task:
        """This task as the manifest holds it; ``write`` turns bytes into shards."""
        preprocess: TextPreprocess = {**self.preprocess, "tokenizer": write(self.tokenizer)}
        return {"kind": "text-embedding", "preprocess": preprocess, "postprocess": self.postprocess}


def text_task(model: AnyModel, files: TaskFiles) -> TextTask:
    """The task for ``model``. Raises InputError where its signature or the files do not fit."""
    if files.tokenizer is None:
        raise InputError(
            "The task text-embedding needs a tokenizer.",
            where=str(model.path),
            remedy="Give it with --tokenizer tokenizer.json.",
        )
    inputs = model.signature["inputs"]
    ids = find(inputs, IDS)
    mask, types = find(inputs, _MASKS), find(inputs, _TYPES)
    known = [entry["name"] for entry in (ids, mask, types) if entry is not None]
    others = [entry["name"] for entry in inputs if entry["name"] not in known]
    if (
        ids is None
        or others
        or any(cast("TensorType", input_named(model.signature, name))["dtype"] != "int64" for name in known)
    ):
        raise InputError(
            "The task text-embedding needs int64 inputs input_ids and, where used, attention_mask and token_type_ids; "
            f"this model has {', '.join(entry['name'] for entry in inputs)}.",
            where=str(model.path),
            remedy="Use --task tensor.",
        )
    tokenizer = read_json(files.tokenizer)
    length = ids["shape"][-1] if ids["shape"] else None
    pad_to = length if isinstance(length, int) else None
    preprocess: TextPreprocess = {
        "tokenizer": [],
        "max_length": pad_to or _max_length(tokenizer, files.tokenizer_config),
        "pad_to": pad_to,
        "pad_id": _pad_id(tokenizer),
        "inputs": {"ids": ids["name"], "mask": mask and mask["name"], "types": types and types["name"]},
    }
    postprocess = _embedding(model, files.pooling)
    if mask is None and postprocess["pooling"] == "mean":
        raise InputError(
            "The model has no attention_mask, so padding could not be told from text and the mean over tokens would be wrong.",
            where=str(model.path),
            remedy="Export it with an attention_mask, or with one vector a text as its output.",
        )
    return TextTask(preprocess, postprocess, read_limited(files.tokenizer))


def _max_length(tokenizer: dict[str, Any], config: Path | None) -> int:
    truncation = tokenizer.get("truncation")
    candidates = [truncation.get("max_length") if isinstance(truncation, dict) else None]
    if config is not None:
        candidates.append(read_json(config).get("model_max_length"))
    lengths = [value for value in candidates if isinstance(value, int) and 1 <= value <= 2**20]
    return min(lengths, default=_DEFAULT_MAX_LENGTH)


def _pad_id(tokenizer: dict[str, Any]) -> int:
    padding = tokenizer.get("padding")
    if isinstance(padding, dict) and isinstance(padding.get("pad_id"), int):
        return int(padding["pad_id"])
    added = tokenizer.get("added_tokens")
    for token in added if isinstance(added, list) else []:
        if isinstance(token, dict) and token.get("content") in ("[PAD]", "<pad>") and isinstance(token.get("id"), int):
            return int(token["id"])
    return 0


def _embedding(model: AnyModel, pooling: Path | None) -> EmbeddingPostprocess:
    floats = [entry for entry in model.signature["outputs"] if entry["dtype"] in ("float32", "float16")]
    pooled = find([entry for entry in floats if len(entry["shape"]) == 2], ("sentence_embedding", "embeddings", "embedding"))
    tokens = [entry for entry in floats if len(entry["shape"]) == 3]
    if pooled is not None or (not tokens and floats and len(floats[0]["shape"]) == 2):
        return {"output": (pooled or floats[0])["name"], "pooling": "none", "normalize": True}
    if not tokens:
        raise InputError(
            "The task text-embedding needs a float output of shape [N, tokens, size] or [N, size].",
            where=str(model.path),
            remedy="Use --task tensor.",
        )
    output = find(tokens, ("last_hidden_state", "token_embeddings")) or tokens[0]
    cls = pooling is not None and read_json(pooling).get("pooling_mode_cls_token") is True
    return {"output": output["name"], "pooling": "cls" if cls else "mean", "normalize": True}


def find(entries: list[TensorType], names: tuple[str, ...]) -> TensorType | None:
    """The first entry that has one of ``names``, the earlier names first."""
    return next((entry for name in names for entry in entries if entry["name"] == name), None)
