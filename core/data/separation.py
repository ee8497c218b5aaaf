"""Split codes, and the distance kept between pixels of different splits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .nearest import nearest_distance

UNUSED, TRAIN, VALIDATION, TEST = 0, 1, 2, 3

#: Names of the codes, by code.
SPLIT_NAMES = ("unused", "train", "validation", "test")

Codes = npt.NDArray[np.uint8]


def keep_apart(
    codes: Codes,
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    buffer: int,
) -> Codes:
    """Drop pixels until different splits are more than ``buffer`` apart (Chebyshev).

    Validation gives way to test, training to both.

    Args:
        codes: ``(n,)`` split codes.
        rows: ``(n,)`` of the pixels.
        cols: ``(n,)`` of the pixels.
        buffer: in pixels; 0 drops nothing.

    Returns:
        ``(n,)`` codes, a copy, with ``UNUSED`` where a pixel was dropped.

    Raises:
        InputError: for a negative buffer.
    """
    if buffer < 0:
        raise InputError(f"BUFFER is {buffer}; it must be 0 or more pixels.")
    kept = codes.copy()
    if buffer == 0:
        return kept
    for yielding, stronger in ((VALIDATION, (TEST,)), (TRAIN, (VALIDATION, TEST))):
        own = np.flatnonzero(kept == yielding)
        others = np.flatnonzero(np.isin(kept, stronger))
        distance = nearest_distance(rows[own], cols[own], rows[others], cols[others], buffer)
        kept[own[distance <= buffer]] = UNUSED
    return kept
