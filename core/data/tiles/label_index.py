"""Finding the labelled pixels of a tile among all of the image's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...raster.windows import Window
from ..labels import Labels
from .place import TilePlace

IntArray = npt.NDArray[np.int64]


class LabelIndex:
    """Labelled pixels, to be looked up by place.

    Args:
        labels: the labelled pixels, row-major.
        width: columns of the raster.
        min_overlap: least share of an object's pixels that a tile must hold for it to count.
    """

    def __init__(self, labels: Labels, width: int, min_overlap: float = 0.0) -> None:
        self.labels = labels
        self._width = width
        self._keys = labels.rows.astype(np.int64) * width + labels.cols
        self._least: npt.NDArray[np.float64] | None = None
        if min_overlap:
            # Half a pixel less than the share: a share of 0.1 must not fail by rounding.
            self._least = np.bincount(labels.groups) * min_overlap - 1e-6

    def held(self, window: Window) -> IntArray:
        """Return which labelled pixels count in a window, in row-major order."""
        starts = (window.row + np.arange(window.height, dtype=np.int64)) * self._width + window.col
        first = np.searchsorted(self._keys, starts)
        last = np.searchsorted(self._keys, starts + window.width)
        found = _ranges(first, last)
        if self._least is None or not len(found):
            return found
        groups, own, inside = np.unique(
            self.labels.groups[found], return_inverse=True, return_counts=True
        )
        return np.asarray(found[(inside >= self._least[groups])[own.reshape(-1)]])

    def under(self, place: TilePlace) -> tuple[IntArray, IntArray]:
        """Return the pixels of a tile that have a label, and which label.

        Returns:
            ``(n,)`` positions in the tile, row-major, and ``(n,)`` labelled pixels. In a turned
            tile the objects count that count in it before it is turned.
        """
        own = self.held(place.window)
        labels = self.labels
        if not place.angle:
            down, right = labels.rows[own] - place.row, labels.cols[own] - place.col
            return down.astype(np.int64) * place.size + right, own
        rows, cols = place.pixels()
        wanted = rows.reshape(-1) * self._width + cols.reshape(-1)
        at = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        found = self._keys[at] == wanted
        if self._least is not None:
            found &= np.isin(labels.groups[at], np.unique(labels.groups[own]))
        flat = np.flatnonzero(found)
        return flat, at[flat]


def _ranges(first: IntArray, last: IntArray) -> IntArray:
    """Return all numbers from each first to each last, the last not included."""
    lengths = last - first
    total = int(lengths.sum())
    if not total:
        return np.zeros(0, dtype=np.int64)
    shift = np.repeat(first - np.cumsum(lengths) + lengths, lengths)
    return np.asarray(np.arange(total) + shift, dtype=np.int64)
