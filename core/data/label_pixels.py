"""What reading labels gives, whatever they were read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
class Asides:
    """What reading a layer left aside, for who looks at its features.

    Attributes:
        features: how many the layer has; 0 for a raster.
        counts: how many were left out, by reason, see ``label_vector``.
        disputed: ``(m, 4)`` int64, pixels that two classes claim: row, column, and the
            positions of two of these in ``claims``.
        claims: values of the class field as text.
    """

    features: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    disputed: IntArray = field(default_factory=lambda: np.zeros((0, 4), dtype=np.int64))
    claims: tuple[str, ...] = ()


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
        asides: see ``Labels``.
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
    asides: Asides = field(default_factory=Asides)


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
