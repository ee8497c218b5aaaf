"""Several models as one: what an ensemble takes, gives and tells follows from its members."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..data.normalisation import Normalisation
from ..data.stacked_normalisation import stack_normalisations
from ..errors import ModelFileError
from ..raster.bands import describe_range, match_among
from ..runtime.dependencies import plugin_version
from .schema import ENSEMBLE_VERSION, MOST_MEMBERS

if TYPE_CHECKING:
    from .bundle import ModelBundle

ENSEMBLE = "ensemble"  # what stands for an architecture
#: What is told of an ensemble as a whole; all else follows from its members.
TOLD = ("chips", "metrics", "versions", "seed", "settings", "created")


def ensemble_of(
    models: Sequence[tuple[str, ModelBundle]],
    *,
    chips: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> ModelBundle:
    """Put models together whose probabilities are to be averaged.

    Args:
        models: name (for messages) and model, two or more of the same bands and classes; bands are
            matched by wavelength, classes by name. The members of ensembles are taken one by one.
        chips: what is told of the training, where it is one of all members; else what they share.
        metrics: figures of the ensemble itself, where they are known.
        settings: of the job that made it.

    Returns:
        The ensemble: bands, class codes and colours are those of the first.

    Raises:
        ModelFileError: bands or classes are not the same, or there are too many or too few.
    """
    members = [(name, member) for name, model in models for member in model.members or (model,)]
    if not 2 <= len(members) <= MOST_MEMBERS:
        raise ModelFileError(
            f"An ensemble has 2 to {MOST_MEMBERS} members; these are {len(members)}. "
            "Choose other models."
        )
    origin, first = members[0]
    fitted = [_fitted(first, origin, *member) for member in members]
    now = datetime.datetime.now(datetime.timezone.utc)
    told = {
        "chips": dict(chips) if chips is not None else _shared_chips(fitted),
        "metrics": dict(metrics or {}),
        "versions": {**first.versions, "hsicnn": plugin_version()},
        "seed": first.seed,
        "settings": dict(settings or {}),
        "created": now.isoformat(timespec="seconds"),
    }
    return joined(fitted, told)


def joined(members: Sequence[ModelBundle], told: Mapping[str, Any]) -> ModelBundle:
    """Return the ensemble of members that have the same bands in the same order.

    Args:
        members: two or more; the classes of all have the names of those of the first.
        told: see ``TOLD``.
    """
    first = members[0]
    statistics = {
        name: np.mean([member.statistics[name] for member in members], axis=0, dtype=np.float64)
        for name in ("mean", "deviation")
    }
    home, rows, cols = _training_pixels(members)
    # Of networks on tiles: what every one of them aligns to, and a side that holds their tiles.
    multiple = math.lcm(*(int(getattr(member, "multiple", 1)) for member in members))
    aligned: dict[str, Any] = {"multiple": multiple} if multiple > 1 else {}
    side = max(member.patch_size for member in members)
    return replace(
        first,
        architecture=ENSEMBLE,
        options={},
        normalisation=stack_normalisations([_own(member) for member in members])[0],
        radius=max(member.radius for member in members),
        patch_size=-(-side // multiple) * multiple,
        history=(),
        training_rows=rows,
        training_cols=cols,
        training_grid=home.training_grid,
        statistics={name: values.astype(np.float32) for name, values in statistics.items()},
        weights={
            f"{number}/{name}": array
            for number, member in enumerate(members)
            for name, array in member.weights.items()
        },
        checkpoint=None,
        format_version=ENSEMBLE_VERSION,
        members=tuple(replace(member, checkpoint=None) for member in members),
        **{name: told[name] for name in TOLD},
        **aligned,
    )


def channels_of(bundle: ModelBundle) -> list[tuple[int, int]]:
    """Return the channels of each member among the stacked inputs of an ensemble."""
    return stack_normalisations([_own(member) for member in bundle.members])[1]


def class_order(own: Sequence[ClassInfo], wanted: Sequence[ClassInfo]) -> list[int] | None:
    """Return which of a member's classes stands for each of the ensemble's.

    Classes with the same names in the same order stand for each other.

    Returns:
        None where they are not the same classes, or where names that come twice leave it open.
    """
    names, others = [item.name for item in wanted], [item.name for item in own]
    if names == others:
        return list(range(len(names)))
    if sorted(names) != sorted(others) or len(set(names)) < len(names):
        return None
    return [others.index(name) for name in names]


def _fitted(first: ModelBundle, origin: str, name: str, model: ModelBundle) -> ModelBundle:
    """Return a model that takes the bands of the first one in their order.

    Raises:
        ModelFileError: it has other bands or classes.
    """
    if class_order(model.classes, first.classes) is None:
        mine = {item.name for item in first.classes} ^ {item.name for item in model.classes}
        differing = f" (only one has: {', '.join(sorted(mine)[:5])})" if mine else ""
        raise ModelFileError(
            f"{name} and {origin} cannot be averaged: they do not have the same classes"
            f"{differing}. An ensemble's models tell the same classes apart; choose others."
        )
    order = match_among(first.bands, model.bands)
    same_source = model.chips.get("source_bands") == first.chips.get("source_bands")
    by_number = any(band.wavelength is None for band in first.bands)
    if order is None or (by_number and not same_source):
        raise ModelFileError(
            f"{name} and {origin} cannot be averaged: they do not take the same bands "
            f"({describe_range(model.bands)}, and {describe_range(first.bands)}). An ensemble's "
            "models take the same image; choose others."
        )
    own = _own(model)
    if order != list(range(len(order))):
        own = Normalisation(own.kind, own.mean[order], own.transform[order])
    statistics = {key: values[order] for key, values in model.statistics.items()}
    return replace(
        model, bands=tuple(first.bands), normalisation=own, statistics=statistics, checkpoint=None
    )


def _own(member: ModelBundle) -> Normalisation:
    """Return the normalisation of a member, which is a model by itself."""
    if not isinstance(member.normalisation, Normalisation):
        raise TypeError("a member of an ensemble is an ensemble")
    return member.normalisation


def _shared_chips(members: Sequence[ModelBundle]) -> dict[str, Any]:
    """Return what the members' trainings have in common; their source's bands in any case."""
    first = members[0].chips
    shared = {
        key: value
        for key, value in first.items()
        if key != "counts" and all(member.chips.get(key) == value for member in members)
    }
    if "source_bands" in first:
        shared["source_bands"] = first["source_bands"]
    return shared


def _training_pixels(
    members: Sequence[ModelBundle],
) -> tuple[ModelBundle, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return every pixel that trained a member, once, and a member on whose raster they lie.

    A model knows one raster: of members trained on several it is that with the most pixels.
    """
    pixels: dict[str, tuple[ModelBundle, list[npt.NDArray[np.int32]]]] = {}
    for member in members:
        places = np.stack([member.training_rows, member.training_cols])
        pixels.setdefault(repr(member.training_grid), (member, []))[1].append(places)
    found = [
        (home, np.unique(np.concatenate(places, axis=1), axis=1))
        for home, places in pixels.values()
    ]
    home, places = max(found, key=lambda item: item[1].shape[1])
    return home, places[0].astype(np.int32), places[1].astype(np.int32)
