"""The JSON header of a model file: what must be in it, and what is wrong where it is not."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ModelFileError, shortened
from ..stored_json import Kinds, check_fields, check_items, read_json

FORMAT_VERSION = 2  # the newest that is read
SINGLE_VERSION = 1  # of a model by itself
ENSEMBLE_VERSION = 2  # of an ensemble: what reads no ensembles refuses it as newer
MOST_MEMBERS = 64  # of an ensemble
HEADER = "hsicnn_model"  # the item of the safetensors metadata that holds the JSON
CHECKPOINT = "hsicnn_checkpoint"  # the item that a training goes on from; in checkpoints only

_FIELDS: Mapping[str, Kinds] = {
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
# An ensemble states once what its members share; the rest follows from them.
_SHARED = ("bands", "model_id")
_TOLD = ("chips", "metrics", "versions", "seed", "settings", "created")
_MEMBER = {key: kinds for key, kinds in _FIELDS.items() if key not in _SHARED}
_ENSEMBLE: Mapping[str, Kinds] = {
    **{key: _FIELDS[key] for key in (*_SHARED, *_TOLD)},
    "members": list,
}
_TILES: Mapping[str, Kinds] = {"multiple": int}  # of networks on tiles
# What is told about a model, where it is told; nothing is computed from it.
_FIGURE = (float, type(None))
_CHIPS: Mapping[str, Kinds] = {
    "path": str,
    "split_hash": str,
    "split_method": str,
    "block_size": int,
    "buffer": int,
    "counts": dict,
    "source_bands": int,
    "reduction": dict,
}
_METRICS: Mapping[str, Kinds] = {
    "kept_epoch": int,
    "validation": dict,
    "test": dict,
    "learning_rate_trial": dict,
}
_TRIAL: Mapping[str, Kinds] = {"rates": list, "losses": list, "suggested": _FIGURE}
_SCORES: Mapping[str, Kinds] = {
    "pixels": int,
    "overall_accuracy": _FIGURE,
    "average_accuracy": _FIGURE,
    "kappa": _FIGURE,
    "location_only": _FIGURE,
    "as_mapped": _FIGURE,
    "classes": dict,
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
    version = ENSEMBLE_VERSION if "members" in values else SINGLE_VERSION
    header = {"format_version": version, **values}
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
        header = read_json(text)
    except ValueError as error:
        raise damaged(name, f"its header cannot be read ({error})") from error
    version = header.get("format_version") if isinstance(header, dict) else None
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise damaged(name, "its header states no format version")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"{name} was written by a newer version of hsicnn: its format is {version}, and this "
            f"version reads up to {FORMAT_VERSION}. Update the plugin."
        )
    try:
        if version >= ENSEMBLE_VERSION:
            _check_ensemble(header)
        else:
            check_fields(header, _FIELDS, "its header")
            _check_given(header, _TILES, "its header")
            if "members" in header:
                raise ValueError(f"it has members, which a format {version} has not")
            _check_told(header)
    except ValueError as error:
        raise damaged(name, str(error)) from error
    return dict(header)


def _check_ensemble(header: Mapping[str, Any]) -> None:
    """Check what an ensemble says of itself and of each member."""
    check_fields(header, _ENSEMBLE, "its header")
    _check_told({**header, "history": []})
    members = check_items(header["members"], dict, "its members")
    if not 2 <= len(members) <= MOST_MEMBERS:
        raise ValueError(f"it has {len(members)} members; an ensemble has 2 to {MOST_MEMBERS}")
    for number, member in enumerate(members, 1):
        check_fields(member, _MEMBER, f"member {number}")
        _check_given(member, _TILES, f"member {number}")
        if "members" in member:
            raise ValueError(f"member {number} has members itself")
        _check_told(member)


def _check_told(header: Mapping[str, Any]) -> None:
    """Check what reports show of a model; what is not there is not asked for."""
    chips, metrics = header["chips"], header["metrics"]
    _check_given(chips, _CHIPS, "its 'chips'")
    _check_given(metrics, _METRICS, "its 'metrics'")
    if "reduction" in chips:
        check_fields(chips["reduction"], {"kind": str, "names": list}, "its 'reduction'")
    for split, counts in chips.get("counts", {}).items():
        check_items(counts, int, f"its pixels of {split}")
    for split in ("validation", "test"):
        scores = metrics.get(split, {})
        _check_given(scores, _SCORES, f"its figures of {split}")
        for key, figures in scores.get("classes", {}).items():
            check_items(figures, _FIGURE, f"its '{key}' of {split}")
    if "learning_rate_trial" in metrics:
        trial = metrics["learning_rate_trial"]
        check_fields(trial, _TRIAL, "its trial of learning rates")
        for column in ("rates", "losses"):
            check_items(trial[column], _FIGURE, f"the {column} of its trial of learning rates")
    for row in check_items(header["history"], dict, "its history"):
        check_items(list(row.values()), _FIGURE, "an epoch of its history")
    check_items(list(header["versions"].values()), str, "its versions")


def _check_given(record: Any, fields: Mapping[str, Kinds], what: str) -> None:
    check_fields(record, {key: kinds for key, kinds in fields.items() if key in record}, what)


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
        record = read_json(text, finite=False)
        check_fields(record, {"epoch": int, "epochs": int}, "what it says of its training")
    except ValueError as error:
        raise damaged(name, str(error)) from error
    found = Checkpoint(record["epoch"], record["epochs"])
    if found.epoch < 0 or found.epochs < 0:
        raise damaged(name, f"it was written after epoch {found.epoch} of {found.epochs}")
    return found, dict(record)


def damaged(name: str, what: str) -> ModelFileError:
    """Return the error for a file that is ours and broken."""
    return ModelFileError(
        f"{name} is a damaged model file: {shortened(what)}. Copy the file again from where it "
        "came, or train again."
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
