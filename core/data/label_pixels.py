"""What reading labels gives, whatever they were read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import LabelError
from .classes import ClassStyle

IntArray = npt.NDArray[np.int64]

#: More labelled pixels than this are a finished map, no reference for training.
MOST_LABELS = 50_000_000
#: More different values than this are measurements, no classes.
MOST_VALUES = 1000


@dataclass(frozen=True, eq=False)
class LabelPixels:
    """Labelled pixels before their classes have names and colours.

    Attributes:
        rows: ``(n,)`` int32.
        cols: ``(n,)`` int32.
        members: ``(n,)`` int64 position in ``codes``.
        groups: ``(n,)`` int32, polygon or point, 0 for none.
        codes: the user's codes.
        names: that the data gives them, empty where it gives none.
        keys: the values of the class field or raster as text: what styles go by.
        styles: that lie beside the data.
        notes: what the user should know.
        warnings: what the user should look at: an assumed CRS, features that are unusable.
        group_names: see ``Labels``.
    """

    rows: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    members: IntArray
    groups: npt.NDArray[np.int32]
    codes: Sequence[int]
    names: Sequence[str]
    keys: Sequence[str]
    styles: Sequence[ClassStyle]
    notes: Sequence[str]
    group_names: Sequence[str] = ()
    warnings: Sequence[str] = ()


def check_amount(pixels: int, name: str) -> None:
    """Refuse more labels than memory should hold.

    Raises:
        LabelError: beyond ``MOST_LABELS``.
    """
    if pixels > MOST_LABELS:
        raise LabelError(
            f"{name} labels more than {MOST_LABELS:,} pixels of the image. Training needs far "
            "fewer: clip the reference to smaller areas, or draw points in it."
        )


def check_values(values: int, name: str, what: str) -> None:
    """Refuse measurements.

    Raises:
        LabelError: beyond ``MOST_VALUES``.
    """
    if values > MOST_VALUES:
        raise LabelError(
            f"{name} holds more than {MOST_VALUES:,} different values{what}; expected classes. "
            "Choose the field or raster that holds class codes."
        )
