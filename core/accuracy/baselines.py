"""Scores that need no spectrum: the yardsticks beside a model's."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.leakage import location_only


def location_only_accuracy(
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    values: npt.NDArray[np.integer[Any]],
    training: npt.NDArray[np.bool_],
    assessed: npt.NDArray[np.bool_],
) -> float | None:
    """Return the share (0..1) of pixels that have the class of the nearest training pixel.

    Pixels that are training pixels themselves are left out: there it would always be right.

    Args:
        rows: ``(n,)`` of the labelled pixels.
        cols: ``(n,)``.
        values: ``(n,)`` their classes.
        training: ``(n,)`` which of them trained.
        assessed: ``(n,)`` which of them are assessed.

    Returns:
        None where there is no training pixel, or nothing else is assessed.
    """
    asked = assessed & ~training
    if not training.any() or not asked.any():
        return None
    guessed = location_only(
        rows[training], cols[training], values[training], rows[asked], cols[asked]
    )
    return float(np.mean(guessed == values[asked]))
