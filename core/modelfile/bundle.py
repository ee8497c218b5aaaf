"""A trained model as one value, and its file: safetensors with a JSON header.

Everything needed to use the model is inside: classification needs the file and a raster.
Never pickle: opening a stranger's model file runs no code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..data.normalisation import Normalisation
from ..data.stacked_normalisation import StackedNormalisation
from ..disk import room_left
from ..errors import HsicnnError, ModelFileError
from ..raster.bands import Band
from ..raster.grid import Grid
from .checks import check_model
from .container import read_container, write_container
from .ensemble import TOLD, class_order, joined
from .schema import (
    CHECKPOINT,
    HEADER,
    SINGLE_VERSION,
    Checkpoint,
    damaged,
    read_checkpoint,
    read_header,
    write_header,
)

Array = npt.NDArray[Any]
WEIGHTS = "weights/"
MEMBERS = "members/"  # of an ensemble: below it the arrays of each, by its number
# Batch norms also keep running means and counters, which nobody trained.
COUNTERS = ("running_mean", "running_var", "num_batches_tracked")
ARRAYS = (
    "normalisation/mean",
    "normalisation/transform",
    "statistics/mean",
    "statistics/deviation",
    "training/rows",
    "training/cols",
)


@dataclass(frozen=True, eq=False)
class ModelBundle:
    """A trained pixel classifier and all that is known about it; or an ensemble of them.

    What an ensemble says as a whole follows from its members (``ensemble.joined``).

    Attributes:
        architecture: name in the catalog of networks.
        options: of the network.
        bands: the bands it takes, in the order it takes them.
        normalisation: from physical values to network inputs.
        classes: of the outputs, in their order, with the user's codes, names and colours.
        radius: pixels around each pixel that it looks at.
        patch_size: ``2 * radius + 1``; of a network on tiles the side of those it learnt from.
        chips: of the training: path, ``split_hash``, split method, counts.
        metrics: figures on validation and test pixels.
        history: a row an epoch.
        versions: of the packages that trained it.
        seed: of the training.
        settings: of the training.
        created: date and time, ISO 8601.
        training_rows: ``(n,)`` int32, rows of the training pixels on ``training_grid``.
        training_cols: ``(n,)`` int32, their columns.
        training_grid: of the raster that the training pixels come from.
        statistics: ``mean`` and ``deviation`` of each band over the training pixels,
            ``(bands,)``, physical units.
        weights: of the network, by the names of its state.
        checkpoint: how far the training was, where it has not ended.
        multiple: of a network on tiles: the images it is given begin and end at rows and columns
            of the raster that are multiples of it; 1 for all others.
        format_version: of its file.
        members: of an ensemble, whose probabilities are averaged; none of a model by itself.
    """

    architecture: str
    options: Mapping[str, Any]
    bands: Sequence[Band]
    normalisation: Normalisation | StackedNormalisation
    classes: Sequence[ClassInfo]
    radius: int
    patch_size: int
    chips: Mapping[str, Any]
    metrics: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    versions: Mapping[str, str]
    seed: int
    settings: Mapping[str, Any]
    created: str
    training_rows: npt.NDArray[np.int32]
    training_cols: npt.NDArray[np.int32]
    training_grid: Grid
    statistics: Mapping[str, Array]
    weights: Mapping[str, Array]
    checkpoint: Checkpoint | None = None
    multiple: int = 1
    format_version: int = SINGLE_VERSION
    members: Sequence[ModelBundle] = ()

    @property
    def parameters(self) -> int:
        """Number of trained weights."""
        return sum(a.size for key, a in self.weights.items() if not key.endswith(COUNTERS))

    @property
    def epochs(self) -> int:
        """Number of epochs trained: the history may begin with the untrained network, epoch 0."""
        return sum(row.get("epoch") != 0 for row in self.history)

    @cached_property
    def model_id(self) -> str:
        """SHA-256 of header and arrays, in hexadecimal: equal models have equal ids."""
        digest = hashlib.sha256(write_header(_header(self)).encode())
        for name, array in sorted(_arrays(self).items()):
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


def save_bundle(path: str, bundle: ModelBundle) -> None:
    """Write a model file in one step: what was there before stays until the new one is whole.

    Raises:
        ModelFileError: the file cannot be written, or the model is not sound.
    """
    target = Path(path)
    header, arrays = pack(bundle, target.name)
    try:
        write_container(target, arrays, {HEADER: header})
    except OSError as error:
        raise ModelFileError(
            f"The model file {path} cannot be written: {error.strerror or error}. Choose a folder "
            f"that exists and that you may write to; its disk has {room_left(target)}."
        ) from error


def load_bundle(path: str) -> ModelBundle:
    """Read a model file, or a training's checkpoint, and check all of it.

    Raises:
        ModelFileError: it is not there, truncated, damaged, of another program, or of a
            newer version.
    """
    # What only a training needs to go on is up to three times the rest.
    return unpack(*read_container(Path(path), is_of_model), Path(path).name)


def pack(bundle: ModelBundle, name: str) -> tuple[str, dict[str, Array]]:
    """Return the header and the arrays that a file holds of a model.

    Args:
        bundle: the model.
        name: of the file, for messages.

    Raises:
        ModelFileError: the model is not sound.
    """
    check_model(bundle, name)
    return write_header({**_header(bundle), "model_id": bundle.model_id}), _arrays(bundle)


def unpack(
    texts: Mapping[str, str], names: Iterable[str], arrays: Mapping[str, Array], name: str
) -> ModelBundle:
    """Put a model together from what its file holds, and check all of it.

    Args:
        texts: the file's metadata.
        names: of all its arrays.
        arrays: those of the model, perhaps with others.
        name: of the file, for messages.

    Raises:
        ModelFileError: it is no model of ours, or not a sound one.
    """
    if HEADER not in texts:
        raise _no_model(texts, name)
    header = read_header(texts[HEADER], name)
    absent = [key for key in ARRAYS if key not in arrays and "members" not in header]
    if absent:
        raise damaged(name, f"it lacks {', '.join(absent)}")
    checkpoint = None
    if CHECKPOINT in texts:
        checkpoint, _ = read_checkpoint(texts[CHECKPOINT], name)
    else:
        strange = sorted(key for key in names if not is_of_model(key))
        if strange:
            raise damaged(name, f"it holds '{strange[0]}', which is no part of a model")
    try:
        bundle = _assemble(header, arrays, checkpoint)
    except (HsicnnError, TypeError, AttributeError, KeyError, ValueError) as error:
        raise damaged(name, str(error).rstrip(".")) from error
    check_model(bundle, name)
    if bundle.model_id != header["model_id"]:
        raise damaged(name, "its content does not match its checksum")
    return bundle


def is_of_model(key: str) -> bool:
    """Return whether an array of this name is the model's own."""
    return key in ARRAYS or key.startswith((WEIGHTS, MEMBERS))


def _no_model(texts: Mapping[str, str], name: str) -> ModelFileError:
    if CHECKPOINT in texts:
        return ModelFileError(
            f"{name} is a checkpoint of an earlier version of hsicnn, which held no model yet. "
            "Train again: the checkpoints of this version can be used as a model."
        )
    return ModelFileError(
        f"{name} is a safetensors file of another program: it has no hsicnn header. Choose a "
        "model that 'Train classifier' wrote."
    )


def _header(bundle: ModelBundle) -> dict[str, Any]:
    """All that is told; of an ensemble its bands stand once, and not with every member."""
    if bundle.members:
        members = [_header(member) for member in bundle.members]
        return {
            "bands": members[0]["bands"],
            "members": [
                {key: value for key, value in item.items() if key != "bands"} for item in members
            ],
            **{name: getattr(bundle, name) for name in TOLD},
        }
    tiles = {"multiple": bundle.multiple} if bundle.multiple != 1 else {}
    return {
        **tiles,
        "architecture": bundle.architecture,
        "options": bundle.options,
        "bands": [band.to_json() for band in bundle.bands],
        "normalisation": bundle.normalisation.kind,
        "classes": [item.to_json() for item in bundle.classes],
        "radius": bundle.radius,
        "patch_size": bundle.patch_size,
        "chips": bundle.chips,
        "metrics": bundle.metrics,
        "history": bundle.history,
        "versions": bundle.versions,
        "seed": bundle.seed,
        "settings": bundle.settings,
        "created": bundle.created,
        "training_grid": bundle.training_grid.to_json(),
    }


def _arrays(bundle: ModelBundle) -> dict[str, Array]:
    """All numbers that are arrays, C-contiguous (a 0-d counter stays 0-d)."""
    if not isinstance(bundle.normalisation, Normalisation):
        return {
            f"{MEMBERS}{number}/{name}": array
            for number, member in enumerate(bundle.members)
            for name, array in _arrays(member).items()
        }
    found: dict[str, Array] = {
        "normalisation/mean": bundle.normalisation.mean,
        "normalisation/transform": bundle.normalisation.transform,
        "statistics/mean": np.asarray(bundle.statistics["mean"], np.float32),
        "statistics/deviation": np.asarray(bundle.statistics["deviation"], np.float32),
        "training/rows": np.asarray(bundle.training_rows, np.int32),
        "training/cols": np.asarray(bundle.training_cols, np.int32),
    }
    found.update({WEIGHTS + name: np.asarray(array) for name, array in bundle.weights.items()})
    return {name: np.asarray(array, order="C") for name, array in found.items()}


def _assemble(
    header: Mapping[str, Any], arrays: Mapping[str, Array], checkpoint: Checkpoint | None
) -> ModelBundle:
    if "members" in header:
        return joined(_assemble_members(header, arrays), header)
    fields = {key: value for key, value in header.items() if key in ModelBundle.__annotations__}
    numbers = {name: arrays[f"normalisation/{name}"] for name in ("mean", "transform")}
    fields.update(
        bands=tuple(Band.from_json(record) for record in header["bands"]),
        normalisation=Normalisation.from_arrays(header["normalisation"], numbers),
        classes=tuple(ClassInfo.from_json(record) for record in header["classes"]),
        training_rows=arrays["training/rows"],
        training_cols=arrays["training/cols"],
        training_grid=Grid.from_json(header["training_grid"]),
        statistics={name: arrays[f"statistics/{name}"] for name in ("mean", "deviation")},
        weights={
            name[len(WEIGHTS) :]: array
            for name, array in arrays.items()
            if name.startswith(WEIGHTS)
        },
        checkpoint=checkpoint,
    )
    return ModelBundle(**fields)


def _assemble_members(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> list[ModelBundle]:
    """Put the members of an ensemble together.

    Raises:
        ValueError: arrays are missing or too many, or a member has other classes.
    """
    count = len(header["members"])
    parts: list[dict[str, Array]] = [{} for _ in range(count)]
    places = {str(number): part for number, part in enumerate(parts)}
    for key, array in arrays.items():
        place, _, own = key.removeprefix(MEMBERS).partition("/")
        if not key.startswith(MEMBERS) or place not in places:
            raise ValueError(f"it holds '{key}', which is no part of its {count} members")
        if not (own in ARRAYS or own.startswith(WEIGHTS)):
            raise ValueError(f"it holds '{key}', which is no part of a model")
        places[place][own] = array
    members = []
    for number, (record, part) in enumerate(zip(header["members"], parts), 1):
        absent = [key for key in ARRAYS if key not in part]
        if absent:
            raise ValueError(f"member {number} lacks {', '.join(absent)}")
        members.append(_assemble({**record, "bands": header["bands"]}, part, None))
    for number, member in enumerate(members, 1):
        check_model(member, f"member {number}")
        if class_order(member.classes, members[0].classes) is None:
            raise ValueError(f"member {number} has other classes than the first")
    return members
