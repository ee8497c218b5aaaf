"""Where tiles lie in a chip set: windows of one size, each wholly inside a chip.

Every labelled pixel lies in at least one; windows overlap by half at the least, and begin as far
from the chip's edge as the labelled pixels allow, so that a pixel finds a window in which it lies
far from the rim.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.chips import ChipSetInfo
from ..data.pixel_loading import Rectangles, rectangles
from ..data.pixel_store import IntArray

# Windows of an axis that one pixel can lie in: their distance is more than a quarter of a side,
# or there are two.
TOGETHER = 5


@dataclass(frozen=True, eq=False)
class Places:
    """Windows, and pixels in them.

    Attributes:
        index: ``(n,)`` store position of the first pixel of each pixel's window.
        stride: ``(n,)`` from a pixel of it to the one below.
        down: ``(n,)`` the pixel's row in its window.
        right: ``(n,)`` its column.
    """

    index: IntArray
    stride: IntArray
    down: IntArray
    right: IntArray


class WindowGrid:
    """The windows of a chip set.

    Args:
        chips: the rectangles of its store.
        side: of the windows in pixels, no larger than any rectangle.

    Raises:
        ValueError: a rectangle is smaller.
    """

    def __init__(self, chips: Rectangles, side: int) -> None:
        if min(chips.height.min(), chips.width.min()) < side:
            raise ValueError(f"Windows of {side} pixels do not fit into every chip.")
        self._chips = chips
        self._rows = _Axis(chips.height, chips.rim, side)
        self._cols = _Axis(chips.width, chips.rim, side)

    def counts(self) -> IntArray:
        """Return how many windows each rectangle has."""
        return self._rows.count * self._cols.count

    def deepest(self, index: IntArray) -> Places:
        """Return for each pixel the window in which it lies farthest from the rim.

        Args:
            index: ``(n,)`` store positions of labelled pixels.
        """
        chip, row, col = self._locate(index)
        top, left = self._rows.deepest(chip, row), self._cols.deepest(chip, col)
        return self._places(chip, top, left, row, col)

    def holding(self, index: IntArray) -> tuple[IntArray, IntArray]:
        """Return all windows that hold one of the pixels, each once: first pixel and stride.

        Args:
            index: ``(n,)`` store positions of labelled pixels.
        """
        chip, row, col = self._locate(index)
        found = [
            self._places(chip[both], top[both], left[both], row[both], col[both])
            for top, above in self._rows.holding(chip, row)
            for left, before in self._cols.holding(chip, col)
            for both in (above & before,)
        ]
        first = np.concatenate([places.index for places in found])
        stride = np.concatenate([places.stride for places in found])
        unique, at = np.unique(first, return_index=True)
        return unique, stride[at]

    def _locate(self, index: IntArray) -> tuple[IntArray, IntArray, IntArray]:
        """Return rectangle, row and column of store positions."""
        chip = np.searchsorted(self._chips.start, index, side="right") - 1
        row, col = np.divmod(index - self._chips.start[chip], self._chips.width[chip])
        return chip, row, col

    def _places(
        self, chip: IntArray, top: IntArray, left: IntArray, row: IntArray, col: IntArray
    ) -> Places:
        width = self._chips.width[chip]
        index = self._chips.start[chip] + top * width + left
        return Places(index, width, row - top, col - left)


class _Axis:
    """Where windows begin along an axis of each rectangle."""

    def __init__(self, length: IntArray, rim: int, side: int) -> None:
        self._side = side
        # The outermost labelled pixels lie in the middle of a window where there is room.
        first, last = rim - side // 2, length - 1 - rim - side // 2
        self._low = np.clip(first, 0, length - side)
        self._span = np.clip(last, 0, length - side) - self._low
        step = max(side // 2, 1)
        self._gaps = -(-self._span // step)

    @property
    def count(self) -> IntArray:
        """How many there are in each rectangle."""
        return np.asarray(self._gaps + 1)

    def holding(
        self, chip: IntArray, place: IntArray
    ) -> list[tuple[IntArray, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]]:
        """Return starts of windows near pixels, and which of them hold them."""
        gaps, beyond = self._gaps[chip], place - self._low[chip]
        span = np.maximum(self._span[chip], 1)
        last = np.minimum(((beyond + 1) * gaps - 1) // span, gaps)
        found = []
        for back in range(TOGETHER):
            number = last - back
            start = self._low[chip] + np.maximum(number, 0) * self._span[chip] // np.maximum(
                gaps, 1
            )
            holds = (number >= 0) & (start <= place) & (place < start + self._side)
            # A single window has no gap to count by.
            found.append((start, np.where(gaps == 0, back == 0, holds)))
        return found

    def deepest(self, chip: IntArray, place: IntArray) -> IntArray:
        """Return the start of the window in whose middle pixels come nearest to lie."""
        best = np.zeros_like(place)
        depth = np.full_like(place, -1)
        for start, holds in self.holding(chip, place):
            here = np.minimum(place - start, start + self._side - 1 - place)
            better = holds & (here > depth)
            best, depth = np.where(better, start, best), np.where(better, here, depth)
        return best


def most_windows(info: ChipSetInfo, side: int) -> int:
    """Return how many windows hold training pixels at the most, before these are read."""
    chips = rectangles(info)
    counts = WindowGrid(chips, side).counts()
    tiles = info.tiles.tiles if info.tiles else ()
    told = [chip.counts.get("train", 0) for chip in info.chips]
    told += [sum(tile.counts) * (tile.split == "train") for tile in tiles]
    learnt = np.array(told, dtype=np.int64) > 0
    stacked = counts[len(told) :]
    # Of stacked windows it is not known which are of the training.
    most = int(stacked.max(initial=0)) * min(sum(info.counts["train"]), len(stacked))
    return int(counts[: len(told)][learnt].sum()) + most
