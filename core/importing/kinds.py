"""What an import becomes: an image, a label map, or samples."""

from __future__ import annotations

import math

import numpy as np

from .arrays import StoredArray
from .gather import Part
from .image import matrix_sides
from .names import LABELS, role_of
from .recognise import squeezed_shape
from .results import IMAGE, MAP, SAMPLES
from .settings import ImportSettings
from .tables import CSV

_LOOKED_AT = 1_000_000  # values


def kind_of_import(part: Part, settings: ImportSettings) -> str:
    """Return ``image``, ``map`` or ``samples``.

    Args:
        part: the values of INPUT and their labels.
        settings: what the user says.
    """
    shape = squeezed_shape(part.data.shape)
    if part.raster:
        return IMAGE
    if len(shape) >= 4:
        return SAMPLES
    if part.labels is None:
        return _without_labels(part, shape, settings)
    labels = [length for length in part.labels.shape if length > 1]
    if len(shape) == 3:
        return IMAGE if _maps_an_image(labels, shape) else SAMPLES
    pixels = math.prod(labels)
    sides = matrix_sides(part.container, settings)
    whole = len(labels) == 2 or (sides is not None and math.prod(sides) == pixels)
    return IMAGE if pixels in shape and whole else SAMPLES


def _maps_an_image(labels: list[int], shape: tuple[int, ...]) -> bool:
    """Return whether labels with these long axes are a map of an image, and not of samples."""
    # A map that is turned over is one too; it is refused as such.
    if len(labels) > 2 or {tuple(labels), tuple(labels[::-1])} & {shape[:2], shape[1:]}:
        return True
    return not {shape[0], shape[2]} & set(labels)


def _without_labels(part: Part, shape: tuple[int, ...], settings: ImportSettings) -> str:
    if len(shape) != 2:
        return IMAGE
    sides = matrix_sides(part.container, settings)
    if sides is not None and math.prod(sides) in shape:
        return IMAGE
    # A table needs labels, a matrix rows and columns; each has its own words for that.
    if part.container.family == CSV and part.container.band_names:
        return SAMPLES
    return MAP if _holds_classes(part.data) else IMAGE


def _holds_classes(stored: StoredArray) -> bool:
    """Return whether an array of two axes holds whole numbers, as label maps do."""
    if role_of(stored.name).kind == LABELS:
        return True
    if not stored.kind.startswith("float"):
        return True
    # A part of it tells; a large matrix is not read for this.
    values = stored.load()[slice(0, max(_LOOKED_AT // stored.shape[1], 1)), slice(None)]
    return bool(np.isfinite(values).all() and (values == np.rint(values)).all())
