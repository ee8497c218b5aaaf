"""The JSON header of a model file: what must be in it, and what is wrong where it is not."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ModelFileError

FORMAT_VERSION = 1
HEADER = "hsicnn_model"  # the item of the safetensors metadata that holds the JSON
CHECKPOINT = "hsicnn_checkpoint"  # the item that a training goes on from; in checkpoints only

_FIELDS: Mapping[str, type] = {
    "architecture": str,
    "options": dict,
    "bands": list,
    "normalisation": str,
    "classes": list,
    "radius": int,
    "patch_size": int,
    "chips": dict,
    "metrics": dict,
    "history": list,
    "versions": dict,
    "seed": int,
    "settings": dict,
    "created": str,
    "training_grid": dict,
    "model_id": str,
}
_WORDS: Mapping[type, str] = {
    str: "a text",
    dict: "a table",
    list: "a list",
    int: "a whole number",
}


@dataclass(frozen=True)
class Checkpoint:
    """How far the training was whose checkpoint a model is.

    Attributes:
        epoch: epochs finished.
        epochs: that were to be trained.
    """

    epoch: int
    epochs: int

    def __str__(self) -> str:
        return f"checkpoint after epoch {self.epoch:,} of {self.epochs:,}"


def write_header(values: Mapping[str, Any]) -> str:
    """Return the header as JSON text; the same values always give the same text."""
    header = {"format_version": FORMAT_VERSION, **values}
    try:
        # A long history is plain already, and this is written after every epoch.
        return json.dumps(header, sort_keys=True, allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps(_plain(header), sort_keys=True, allow_nan=False)


def read_header(text: str, name: str) -> dict[str, Any]:
    """Read and check a header.

    Args:
        text: the JSON.
        name: of the file, for messages.

    Raises:
        ModelFileError: it is no header of ours, of a newer version, or lacks something.
    """
    try:
        header = json.loads(text)
    except ValueError as error:
        raise damaged(name, f"its header is no JSON ({error})") from error
    version = header.get("format_version") if isinstance(header, dict) else None
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise damaged(name, "its header states no format version")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"{name} was written by a newer version of hsicnn: its format is {version}, and this "
            f"version reads up to {FORMAT_VERSION}. Update the plugin."
        )
    missing = [key for key in _FIELDS if key not in header]
    if missing:
        raise damaged(name, f"its header lacks {', '.join(missing)}")
    for key, kind in _FIELDS.items():
        value = header[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            found = type(value).__name__
            raise damaged(name, f"'{key}' in its header should be {_WORDS[kind]}, not {found}")
    return dict(header)


def read_checkpoint(text: str, name: str) -> tuple[Checkpoint, dict[str, Any]]:
    """Read what a checkpoint says of its training.

    Args:
        text: the JSON.
        name: of the file, for messages.

    Returns:
        How far it was, and all that is said.

    Raises:
        ModelFileError: it does not say how far it was.
    """
    try:
        record = json.loads(text)
        found = Checkpoint(record["epoch"], record["epochs"])
    except (ValueError, TypeError, KeyError) as error:
        raise damaged(name, f"what it says of its training cannot be read ({error!r})") from error
    if not all(type(number) is int and number >= 0 for number in (found.epoch, found.epochs)):
        raise damaged(name, f"it was written after epoch {found.epoch} of {found.epochs}")
    return found, dict(record)


def damaged(name: str, what: str) -> ModelFileError:
    """Return the error for a file that is ours and broken."""
    return ModelFileError(
        f"{name} is a damaged model file: {what}. Copy the file again from where it came, or "
        "train again."
    )


def _plain(value: Any) -> Any:
    """Turn numpy's numbers into JSON's; what is no finite number becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
