"""Spatial folds: every block is tested once, by a model that never saw its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..runtime.seeds import numpy_generator
from .block_assignment import assign_folds
from .block_zones import whole_blocks, zones_of
from .nearest import nearest_distance
from .splits import block_ids


def spatial_folds(  # noqa: PLR0917 - three arrays of pixels, then what to do with them
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    values: npt.NDArray[np.integer[Any]],
    k: int,
    block_size: int,
    seed: int,
    buffer: int = 0,
) -> npt.NDArray[np.int64]:
    """Divide labelled pixels into folds of whole blocks, every class in every fold if it can be.

    Args:
        rows: ``(n,)``.
        cols: ``(n,)``.
        values: ``(n,)`` classes, 1 or larger.
        k: how many folds, 2 or more.
        block_size: side of a block in pixels.
        seed: of the search.
        buffer: pixels that will be kept between a held-out fold and what trains: blocks are
            divided so that it takes little, which makes folds of blocks that lie together. 0
            minds sizes and classes only.

    Returns:
        ``(n,)`` fold of each pixel, 0..k-1.

    Raises:
        InputError: where there are fewer blocks than folds.
    """
    groups = block_ids(rows, cols, block_size)
    member = _members(groups, k, f"blocks of {block_size} pixels")
    classes = int(values.max(initial=1))
    zones = zones_of(member, rows, cols, values, classes=classes, buffer=buffer)
    return assign_folds(zones, k, numpy_generator(seed, "folds", k))[member]


def group_folds(
    groups: npt.NDArray[np.integer[Any]],
    values: npt.NDArray[np.integer[Any]],
    k: int,
    seed: int,
    what: str = "groups",
) -> npt.NDArray[np.int64]:
    """Divide labelled pixels into folds of whole groups, every class in every fold if it can be.

    Args:
        groups: ``(n,)`` ids of blocks, polygons or the like.
        values: ``(n,)`` classes, 1 or larger.
        k: how many folds, 2 or more.
        seed: of the search.
        what: the groups, in words.

    Returns:
        ``(n,)`` fold of each pixel, 0..k-1.

    Raises:
        InputError: where there are fewer groups than folds.
    """
    member = _members(groups, k, what)
    zones = whole_blocks(member, values, int(member.max()) + 1, int(values.max(initial=1)))
    return assign_folds(zones, k, numpy_generator(seed, "folds", k))[member]


def _members(groups: npt.NDArray[np.integer[Any]], k: int, what: str) -> npt.NDArray[np.int64]:
    """Return the number of each pixel's group, 0 and up.

    Raises:
        InputError: where there are fewer groups than folds.
    """
    ids, member = np.unique(groups, return_inverse=True)
    if k < 2 or len(ids) < k:
        smaller = "smaller blocks or " if what.startswith("blocks") else ""
        raise InputError(
            f"{k} folds were asked for and the labels lie in {len(ids)} {what}; there must be 2 "
            f"folds or more, and one of these for each. Use {smaller}fewer folds."
        )
    return np.asarray(member, dtype=np.int64)


def buffered_training(
    fold_ids: npt.NDArray[np.integer[Any]],
    fold: int,
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    buffer: int,
) -> npt.NDArray[np.bool_]:
    """Return which pixels may train for a fold: outside of it, by more than ``buffer`` pixels.

    Args:
        fold_ids: ``(n,)`` fold of each pixel.
        fold: the one that is tested.
        rows: ``(n,)``.
        cols: ``(n,)``.
        buffer: Chebyshev distance to exceed; 0 keeps every pixel of the other folds.
    """
    tested = fold_ids == fold
    allowed = ~tested
    if buffer > 0:
        own = np.flatnonzero(allowed)
        distance = nearest_distance(rows[own], cols[own], rows[tested], cols[tested], buffer)
        allowed[own[distance <= buffer]] = False
    return np.asarray(allowed)
