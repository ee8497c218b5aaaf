"""The side of the blocks that spatial folds are made of."""

from __future__ import annotations

import numpy as np

from ..data.chips import ChipSetInfo
from ..data.labels import Labels
from ..data.splits import block_ids
from ..progress import Progress
from ..splitting.block_size import USUAL, choose_block_size
from .settings import CrossValidationSettings
from .units import Units

_TILES = (3, 2)  # tiles on the side of a block, where nobody says how many
_BLOCKS = 4  # there are so many blocks a fold at least, so that folds can be alike


def block_size(
    info: ChipSetInfo,
    units: Units,
    settings: CrossValidationSettings,
    seed: int,
    progress: Progress,
) -> tuple[int, tuple[str, ...]]:
    """Return the side of blocks where the method has some, and why it is that.

    Args:
        info: the chip set.
        units: what is divided.
        settings: how.
        seed: of the draws of pixels.
        progress: asked for cancelling.
    """
    if settings.method == "raster":
        return settings.block_size or info.block_size or USUAL, ()
    if settings.method != "spatial":
        return 0, ()
    size, notes = settings.block_size or info.block_size, []
    if not size:
        chosen = choose_block_size(
            _as_labels(info, units), buffer=settings.kept_apart, parts=settings.k, seed=seed,
            progress=progress,
        )  # fmt: skip
        size, notes = chosen.pixels, [chosen.reason]
    elif not settings.block_size:
        notes = [f"BLOCK_SIZE is {size} pixels, as in the split of the chip set."]
    tiles = 1 if settings.block_size else _tiles(units, settings.k)
    if tiles > 1 and size < tiles * units.size:
        size = tiles * units.size
        why = "of smaller blocks the buffer takes more: every tile has neighbours in other folds"
        notes = [f"BLOCK_SIZE is {size} pixels, {tiles} tiles: {why}."]
    if size < units.size:
        notes.append(f"Blocks are {units.size} pixels wide, as a tile is.")
    return max(size, units.size), tuple(notes)


def _tiles(units: Units, k: int) -> int:
    """Return how many tiles wide blocks can be without costing a class a fold."""
    if units.size == 1:
        return 1
    possible = _spread(units, units.size, k)[1]
    for tiles in _TILES:
        blocks, spread = _spread(units, tiles * units.size, k)
        if blocks >= _BLOCKS * k and spread >= possible:
            return tiles
    return 1


def _spread(units: Units, size: int, k: int) -> tuple[int, int]:
    """Return how many blocks there are, and how many classes lie in ``k`` of them or more."""
    blocks = block_ids(units.rows, units.cols, size).astype(np.int64)
    pairs = np.unique(np.column_stack([blocks, units.values]), axis=0)
    return len(np.unique(blocks)), int((np.bincount(pairs[:, 1]) >= k).sum())


def _as_labels(info: ChipSetInfo, units: Units) -> Labels:
    """Entries as labels in row-major order."""
    order = np.lexsort((units.cols, units.rows))
    kinds = (np.int32, np.int32, np.uint16, np.int32)
    columns = (units.rows, units.cols, units.values, units.groups)
    rows, cols, values, groups = (
        column[order].astype(kind) for column, kind in zip(columns, kinds)
    )
    return Labels(rows, cols, values, info.classes, groups)
