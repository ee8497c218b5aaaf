"""Where to cut: chips that hold every labelled pixel once and store few others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..progress import Progress
from ..raster.windows import Window, clip, grow

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PlannedChip:
    """A chip to be written.

    Attributes:
        box: the smallest window around its labelled pixels.
        window: ``box`` with the halo, cut at the raster's edges.
        members: ``(n,)`` positions of its labelled pixels, in row-major order.
    """

    box: Window
    window: Window
    members: IntArray


@dataclass(frozen=True)
class ChipRules:
    """What chips may be.

    Attributes:
        height: rows of the raster.
        width: columns of the raster.
        chip_size: side of the cells that no box crosses, in pixels.
        halo: pixels around a box.
        most_pixels: pixels of a window at the most (a box of one pixel is never divided).
        storage: of windows. In GeoTIFF single pixels only are windows, and all others lie
            in chips; other formats take every labelled pixel as a window.
        block: rows and columns of the raster's own blocks; windows are read block by block.
    """

    height: int
    width: int
    chip_size: int
    halo: int
    most_pixels: int = 2**62
    storage: str = "geotiff"
    block: tuple[int, int] = (1, 1)

    def window(self, box: Window) -> Window:
        """Return the pixels stored for a box."""
        return clip(grow(box, self.halo), self.height, self.width)

    def stored(self, top: Any, bottom: Any, left: Any, right: Any) -> Any:
        """Return how many pixels are stored for boxes; all bounds inclusive, maybe arrays."""
        rows = np.minimum(bottom + self.halo, self.height - 1) - np.maximum(top - self.halo, 0) + 1
        cols = np.minimum(right + self.halo, self.width - 1) - np.maximum(left - self.halo, 0) + 1
        return rows * cols


@dataclass(frozen=True, eq=False)
class Cut:
    """Where an image is cut.

    Attributes:
        chips: to be written as chips.
        windows: areas whose labelled pixels become windows of a stack, in this order.
    """

    chips: Sequence[PlannedChip]
    windows: Sequence[PlannedChip]

    @property
    def window_count(self) -> int:
        """How many windows there will be."""
        return sum(len(planned.members) for planned in self.windows)

    @property
    def read_pixels(self) -> int:
        """Pixels that are read."""
        return sum(planned.window.size for planned in (*self.chips, *self.windows))

    def pixels(self, rules: ChipRules) -> int:
        """Pixels that are stored."""
        chips = sum(planned.window.size for planned in self.chips)
        return chips + self.window_count * (2 * rules.halo + 1) ** 2


def plan_chips(
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    rules: ChipRules,
    progress: Progress,
) -> Cut:
    """Divide labelled pixels into chips and windows.

    The raster is divided into cells; the labelled box of each is cut in two, again and
    again, while the parts with their halos store fewer pixels than the whole.

    Args:
        rows: ``(n,)`` of the labelled pixels.
        cols: ``(n,)``.
        rules: what chips may be.
        progress: asked for cancelling.
    """
    places = np.column_stack([rows, cols]).astype(np.int64)
    down, right = places[:, 0] // rules.chip_size, places[:, 1] // rules.chip_size
    cell = down * (rules.width // rules.chip_size + 1) + right
    # Row-major inside a cell, cells row-major: the order of the files.
    order = np.lexsort((places[:, 1], places[:, 0], cell))
    edges = np.flatnonzero(np.diff(cell[order])) + 1
    chips: list[PlannedChip] = []
    windows: list[PlannedChip] = []
    for members in np.split(order, edges) if len(order) else ():
        progress.check_cancel()
        for planned in _divided(places, members, rules):
            single = rules.storage != "geotiff" or len(planned.members) == 1
            (windows if single else chips).append(planned)
    high, wide = rules.block
    windows.sort(key=lambda p: (p.box.row // high, p.box.col // wide, p.box.row, p.box.col))
    return Cut(chips, windows)


def _divided(places: IntArray, members: IntArray, rules: ChipRules) -> Iterator[PlannedChip]:
    """Yield the chips of some labelled pixels."""
    waiting = [members]
    while waiting:
        own = waiting.pop()
        if len(own) == 1:
            row, col = (int(number) for number in places[own[0]])
            box = Window(row, col, 1, 1)
            yield PlannedChip(box, rules.window(box), own)
            continue
        (top, left), (bottom, right) = places[own].min(axis=0), places[own].max(axis=0)
        whole = int(rules.stored(top, bottom, left, right))
        cuts = [_best_cut(places[own], axis, rules) for axis in (0, 1)]
        pixels, axis, line = min((cut[0], axis, cut[1]) for axis, cut in enumerate(cuts))
        if pixels < whole or (whole > rules.most_pixels and pixels < 2**62):
            before = places[own, axis] <= line
            waiting += [own[~before], own[before]]
            continue
        box = Window(int(top), int(left), int(bottom - top) + 1, int(right - left) + 1)
        yield PlannedChip(box, rules.window(box), own)


def _best_cut(places: IntArray, axis: int, rules: ChipRules) -> tuple[int, int]:
    """Return the pixels stored with the best cut across an axis, and the last line before it."""
    along, across = places[:, axis], places[:, 1 - axis]
    order = np.argsort(along, kind="stable")
    along, across = along[order], across[order]
    ends = np.flatnonzero(np.diff(along))
    if not len(ends):
        return 2**62, 0
    low, high = np.minimum.accumulate(across), np.maximum.accumulate(across)
    low_after = np.minimum.accumulate(across[::-1])[::-1]
    high_after = np.maximum.accumulate(across[::-1])[::-1]
    first = (along[0], along[ends], low[ends], high[ends])
    second = (along[ends + 1], along[-1], low_after[ends + 1], high_after[ends + 1])
    if axis == 1:
        first, second = (*first[2:], *first[:2]), (*second[2:], *second[:2])
    total = rules.stored(*first) + rules.stored(*second)
    # Of equal cuts the one nearest the middle, so that large boxes are halved.
    middle = (along[0] + along[-1]) / 2
    best = int(np.lexsort((np.abs(along[ends] - middle), total))[0])
    return int(total[best]), int(along[ends[best]])
