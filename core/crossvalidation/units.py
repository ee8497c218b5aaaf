"""What is divided into folds: labelled pixels, or whole tiles and scenes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.chips import ChipSetInfo
from ..data.pixel_store import PixelStore
from ..data.tiles.place import margin_of

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Units:
    """Labelled things that are divided whole.

    A pixel is an entry of its own; of a tile there is one for each class that it holds, all in
    one place: what is divided by place keeps them together.

    Attributes:
        rows: ``(m,)`` of the entries.
        cols: ``(m,)``.
        values: ``(m,)`` classes, 1 or larger.
        groups: ``(m,)`` polygon, block or group of the set; 0 for none.
        unit: ``(m,)`` the pixel or tile that an entry is of.
        of_sample: ``(n,)`` the unit of each sample of the store.
        count: of units.
        reach: Chebyshev distance that units need so as not to overlap, minus one.
        size: side of a unit in pixels.
    """

    rows: IntArray
    cols: IntArray
    values: IntArray
    groups: IntArray
    unit: IntArray
    of_sample: IntArray
    count: int
    reach: int = 0
    size: int = 1

    @property
    def places(self) -> IntArray:
        """A number for each place of the entries: turned copies of a tile share it."""
        rows, cols = self.rows - self.rows.min(initial=0), self.cols - self.cols.min(initial=0)
        return np.asarray(rows * (cols.max(initial=0) + 1) + cols, dtype=np.int64)

    def by_unit(self, codes: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the code of each unit, given those of the entries: all of a unit's are alike."""
        found = np.zeros(self.count, dtype=codes.dtype)
        found[self.unit] = codes
        return found


def units_of(info: ChipSetInfo, store: PixelStore) -> Units:
    """Return what a chip set's samples are divided by."""
    if info.tiles is None:
        columns = (store.row, store.col, store.label, store.group)
        rows, cols, values, groups = (column.astype(np.int64) for column in columns)
        own = np.arange(len(store))
        reach = info.windows.side - 1 if info.kind == "scenes" and info.windows else 0
        return Units(rows, cols, values, groups, own, own, len(own), reach)
    tiles, size = info.tiles.tiles, info.tiles.size
    counts = np.array([tile.counts for tile in tiles]).reshape(len(tiles), -1)
    unit, place = np.nonzero(counts)
    corners = np.array([(tile.place.row, tile.place.col, tile.group) for tile in tiles])
    rows, cols, groups = corners.reshape(-1, 3)[unit].astype(np.int64).T
    reach = size - 1 + margin_of(size, tuple({tile.place.angle for tile in tiles}))
    values = place.astype(np.int64) + 1
    of_sample = store.index // size**2
    return Units(rows, cols, values, groups, unit, of_sample, len(tiles), reach, size)
