"""Whether the parts of a model fit together, and are numbers that can be computed with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..data.classes import MAX_CLASSES
from .schema import damaged

if TYPE_CHECKING:
    from .bundle import ModelBundle


def check_model(bundle: ModelBundle, name: str) -> None:
    """Refuse parts that do not fit together, and numbers that are none.

    Args:
        bundle: the model.
        name: of its file, for messages.

    Raises:
        ModelFileError: with the first fault found.
    """
    for fault in (_fault_of_bands, _fault_of_classes, _fault_of_pixels, _fault_of_weights):
        wrong = fault(bundle)
        if wrong:
            raise damaged(name, wrong)


def _fault_of_bands(bundle: ModelBundle) -> str:
    bands, normalisation = len(bundle.bands), bundle.normalisation
    if normalisation.bands != bands:
        return f"{bands} bands, normalisation of {normalisation.bands}"
    shapes = {key: array.shape for key, array in bundle.statistics.items()}
    if any(shapes.get(key) != (bands,) for key in ("mean", "deviation")):
        return f"{bands} bands, statistics of {shapes}"
    numbers = {f"its statistics '{key}'": array for key, array in bundle.statistics.items()}
    wrong = _first_not_finite(numbers)
    if wrong:
        return wrong
    highest = max((band.index for band in bundle.bands), default=0)
    told = bundle.chips.get("source_bands", highest)
    if highest > told:
        return f"band {highest} of a raster of {told} bands"
    return ""


def _fault_of_classes(bundle: ModelBundle) -> str:
    codes = [item.code for item in bundle.classes]
    if not codes or not bundle.weights:
        return "it has no classes or no weights"
    if len(codes) > MAX_CLASSES:
        return f"it has {len(codes):,} classes, more than there can be"
    if len(set(codes)) != len(codes):
        twice = next(code for code in codes if codes.count(code) > 1)
        return f"the class codes are not all different: {twice} comes twice"
    return ""


def _fault_of_pixels(bundle: ModelBundle) -> str:
    """What is wrong with the radius and the training pixels; empty where nothing is."""
    side, multiple = bundle.patch_size, bundle.multiple
    if multiple == 1 and (bundle.radius < 0 or side != 2 * bundle.radius + 1):
        return f"radius {bundle.radius} and patch size {side} disagree"
    if multiple != 1 and (multiple < 1 or bundle.radius < 0 or side < 1 or side % multiple):
        return f"radius {bundle.radius}, tiles of {side} pixels and their multiple {multiple}"
    rows, cols, grid = bundle.training_rows, bundle.training_cols, bundle.training_grid
    if rows.ndim != 1 or rows.shape != cols.shape:
        return "rows and columns of its training pixels differ in number"
    for places, size in ((rows, grid.height), (cols, grid.width)):
        if places.dtype.kind != "i" or ((places < 0) | (places >= size)).any():
            return "its training pixels lie outside their raster"
    return ""


def _fault_of_weights(bundle: ModelBundle) -> str:
    return _first_not_finite({f"the weights '{key}'": a for key, a in bundle.weights.items()})


def _first_not_finite(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return f"{name} hold values that are no numbers"
    return ""
