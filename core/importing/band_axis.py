"""Which axis of an image holds the bands: what is certain first, then what the values say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .arrays import Values, times

FIRST, LAST = "bands-first", "bands-last"
_SEEN = 24  # places along an axis that are looked at
_CLEAR = 3.0  # times as much of the variance as along the other axis
_FILLED = 0.01  # share of the smallest value from which it may stand for missing ones
_MUCH = 0.3  # of the variance, at the least
_MIDDLE = 2.0  # times as much as along the axis in the middle, which never holds the bands
_NOTHING = 0.005  # of the variance: no scene is that even, bands that were made alike are


@dataclass(frozen=True)
class BandAxis:
    """Where bands are.

    Attributes:
        layout: ``bands-last`` or ``bands-first``; empty where it cannot be told.
        why: how it was told, or why not.
    """

    layout: str
    why: str


def band_axis(
    values: Values,
    *,
    layout: str = "auto",
    map_shape: Sequence[int] = (),
    wavelengths: int = 0,
) -> BandAxis:
    """Tell which axis of a three-dimensional array holds the bands.

    What the user says counts first, then the size of the ground truth, then the number of
    wavelengths. Then two measures are asked: two axes of the same length are rows and columns;
    and the mean of everything else changes much more from band to band than from row to row
    (the share of the variance that lies between the places of an axis).

    Args:
        values: of the array.
        layout: ``auto``, or what the user says.
        map_shape: rows and columns of the ground truth; empty where there is none.
        wavelengths: how many are known; 0 where none are.
    """
    first, middle, last = values.shape
    if layout != "auto":
        found = FIRST if layout == FIRST else LAST
        return BandAxis(found, "LAYOUT says so")
    options = {LAST: (first, middle), FIRST: (middle, last)}
    fitting = [name for name, sides in options.items() if sides == tuple(map_shape)]
    if len(fitting) == 1:
        return BandAxis(fitting[0], f"the ground truth has {times(map_shape)} pixels")
    counts = {LAST: last, FIRST: first}
    fitting = [name for name, count in counts.items() if count == wavelengths]
    if len(fitting) == 1:
        return BandAxis(fitting[0], f"there are {wavelengths} wavelengths")
    return _measured(values, [name for name, sides in options.items() if sides[0] == sides[1]])


def _measured(values: Values, square: Sequence[str]) -> BandAxis:
    """Tell by size and by values: by the layouts whose rows and columns are as many."""
    by_size = square[0] if len(square) == 1 else ""
    by_values = _by_values(values)
    if by_size and by_values and by_size != by_values:
        return BandAxis("", "its size and its values say different things")
    if by_size:
        return BandAxis(by_size, "the other two axes have the same length")
    if by_values:
        return BandAxis(by_values, "values change most from band to band")
    return BandAxis(
        "", "neither its size nor its values tell (those of standardised bands never do)"
    )


def _by_values(values: Values) -> str:
    """Return the layout that the values speak for, where they do.

    Bands that were centred or standardised have the same mean: then the place in the scene
    changes more than the band, and its axis would be taken for that of the bands.
    """
    some = values[tuple(_spread(length) for length in values.shape)].astype(np.float64)
    some = np.where(np.isfinite(some), some, np.nan)
    if np.isfinite(some).any() and (some == np.nanmin(some)).mean() > _FILLED:
        some = np.where(some == np.nanmin(some), np.nan, some)
    whole = float(np.nanvar(some)) if np.isfinite(some).any() else 0.0
    if not whole > 0:
        return ""
    # Along a long axis more places are seen; the share does not depend on how many.
    first, middle, last = (_between(some, axis) / whole for axis in range(3))
    most, least = max(first, last), min(first, last)
    if most < max(_MUCH, _MIDDLE * middle) or least < _NOTHING:
        return ""
    if last > _CLEAR * first:
        return LAST
    return FIRST if first > _CLEAR * last else ""


def _between(values: np.ndarray, axis: int) -> float:  # type: ignore[type-arg]
    """Return the variance of the means at the places of an axis."""
    flat = np.moveaxis(values, axis, 0).reshape(values.shape[axis], -1)
    known = np.isfinite(flat).any(axis=1)
    return float(np.var(np.nanmean(flat[known], axis=1))) if known.sum() > 1 else 0.0


def _spread(length: int) -> slice:
    """Return places spread over an axis."""
    return slice(0, length, max(length // _SEEN, 1))
