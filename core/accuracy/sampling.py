"""One walk over the map: its value at labelled pixels, and how much there is of each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..progress import Progress
from ..raster.windows import Window
from .class_map import ClassMap

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sampled:
    """What the map says.

    Attributes:
        codes: ``(n,)`` the map's own codes at the pixels asked for.
        valid: ``(n,)`` where there is one.
        areas: pixels of every code in the whole map.
        nodata: pixels of the whole map without a class.
    """

    codes: Indices
    valid: npt.NDArray[np.bool_]
    areas: dict[int, int]
    nodata: int


class InWindow:
    """Finds the pixels of a window among many, without looking at all of them each time.

    Args:
        rows: ``(n,)``.
        cols: ``(n,)``.
    """

    def __init__(self, rows: Indices, cols: Indices) -> None:
        self._order = np.argsort(rows, kind="stable")
        self._rows = rows[self._order]
        self._cols = cols[self._order]

    def find(self, window: Window) -> Indices:
        """Return which pixels lie in the window."""
        start, stop = np.searchsorted(self._rows, [window.row, window.row + window.height])
        cols = self._cols[start:stop]
        inside = (cols >= window.col) & (cols < window.col + window.width)
        return np.asarray(self._order[start:stop][inside])


def sample_map(class_map: ClassMap, rows: Indices, cols: Indices, progress: Progress) -> Sampled:
    """Read the map once, block by block.

    Args:
        class_map: the open map.
        rows: ``(n,)`` inside the map.
        cols: ``(n,)`` inside the map.
        progress: told how far it is.
    """
    codes = np.zeros(len(rows), dtype=np.int64)
    valid = np.zeros(len(rows), dtype=bool)
    areas: dict[int, int] = {}
    nodata, seen = 0, 0
    whole = class_map.grid.height * class_map.grid.width
    pixels = InWindow(rows, cols)
    for window in class_map.windows():
        progress.check_cancel()
        block, known = class_map.read(window)
        which = pixels.find(window)
        place = rows[which] - window.row, cols[which] - window.col
        codes[which], valid[which] = block[place], known[place]
        found, counts = np.unique(block[known], return_counts=True)
        for code, count in zip(found.tolist(), counts.tolist()):
            areas[code] = areas.get(code, 0) + count
        nodata += int((~known).sum())
        seen += window.size
        progress.report(seen / whole, "Reading the map")
    return Sampled(codes, valid, areas, nodata)
