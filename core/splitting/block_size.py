"""The side of blocks, chosen from the labels' own autocorrelation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data.labels import Labels
from ..data.splits import block_ids
from ..progress import Progress
from ..runtime.seeds import numpy_generator
from .autocorrelation import Autocorrelation, autocorrelation

USUAL = 16  # pixels, where the labels tell nothing or have too few blocks
_BUFFERS = 4  # a block is at least so many buffers wide, so that its inside is left
_SHRINK = 0.85
_SAMPLE = 1_000_000  # labelled pixels by which sizes are compared


@dataclass(frozen=True, eq=False)
class BlockSize:
    """A chosen side.

    Attributes:
        pixels: the side.
        found: what it was chosen by.
        reason: in words.
    """

    pixels: int
    found: Autocorrelation
    reason: str


def choose_block_size(
    labels: Labels, *, buffer: int, parts: int, seed: int, progress: Progress
) -> BlockSize:
    """Choose blocks as large as labels resemble each other, where the scene has enough of them.

    Blocks are made smaller until the labels lie in seven of them for every part at least, and
    no class lies in fewer blocks than there are parts that smaller ones would spread over more.
    They stay at least four buffers and, where labels resemble each other so far, 16 pixels wide.

    Args:
        labels: the labelled pixels.
        buffer: in pixels.
        parts: how many the labels are divided into: training, validation and test, or folds.
        seed: of the draws of pixels.
        progress: asked for cancelling.
    """
    found = autocorrelation(labels, seed, progress)
    if found.range is None:
        size = max(USUAL, _BUFFERS * buffer)
        reason = f"BLOCK_SIZE is {size} pixels: the labels are too few, or of one class only, "
        return BlockSize(size, found, reason + "to show how far they resemble each other.")
    told = f"Labels resemble each other up to about {found.range:.0f} pixels"
    told += " (there, pairs of them differ in class as often as any two)."
    if not found.reached:
        told = f"Labels resemble each other over the whole scene ({found.range:.0f} pixels)."
    side = math.ceil(found.range)
    floor = max(_BUFFERS * buffer, min(side, USUAL))
    wanted = max(side, floor)
    seen = _Spread(labels, seed)
    possible = seen.spread_classes(floor, parts)
    size, why = floor, ""
    for size in _sizes(wanted, floor):
        progress.check_cancel()
        if seen.blocks(size) < 7 * parts:
            why = f"larger ones would be fewer than {7 * parts}"
        elif seen.spread_classes(size, parts) < possible:
            why = f"larger ones would leave a class in fewer than {parts} of them"
        else:
            break
    if size == wanted > side:
        why = f"{_BUFFERS} times the buffer, so that something is left inside"
    return BlockSize(size, found, f"{told} BLOCK_SIZE is {size} pixels{': ' + why if why else ''}.")


def _sizes(wanted: int, floor: int) -> Iterator[int]:
    """Yield sides from the one wanted down to the smallest."""
    size = wanted
    while size > floor:
        yield size
        size = max(min(int(size * _SHRINK), size - 1), floor)
    yield floor


class _Spread:
    """Counts the blocks that labels and their classes lie in; of many labels, a sample."""

    def __init__(self, labels: Labels, seed: int) -> None:
        self._rows, self._cols, self._values = labels.rows, labels.cols, labels.values
        if len(labels) > _SAMPLE:
            chosen = numpy_generator(seed, "split", "spread").integers(0, len(labels), _SAMPLE)
            self._rows, self._cols = labels.rows[chosen], labels.cols[chosen]
            self._values = labels.values[chosen]

    def _ids(self, size: int) -> npt.NDArray[np.int64]:
        return block_ids(self._rows, self._cols, size).astype(np.int64)

    def blocks(self, size: int) -> int:
        """Return how many blocks hold labels."""
        return len(np.unique(self._ids(size)))

    def spread_classes(self, size: int, least: int) -> int:
        """Return how many classes lie in so many blocks or more."""
        pairs = np.unique(self._ids(size) << 16 | self._values)
        return int((np.bincount(pairs & 0xFFFF) >= least).sum())
