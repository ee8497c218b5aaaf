"""Zones: parts of the outputs that are written at once, whole tiles of the files.

Blocks suit memory and the image's own blocks, hardly ever the tiles of the outputs. A tile
that is written in parts may have left GDAL's cache when its next part comes: it is then
compressed again, and stored again at the end of the file. So blocks are collected in zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..raster.windows import Window, tiles
from ..raster.writer import TILE


@dataclass(frozen=True, eq=False)
class Maps:
    """What is computed for a window of the outputs.

    Attributes:
        window: in the outputs.
        labels: ``(height, width)`` uint16, 1..classes; 0 at invalid pixels.
        confidence: ``(height, width)`` float32, the largest probability; NaN at invalid ones.
        probabilities: ``(classes, height, width)`` float32 where they are wanted.
    """

    window: Window
    labels: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.float32]
    probabilities: npt.NDArray[np.float32] | None

    @classmethod
    def empty(cls, window: Window, classes: int) -> Maps:
        """Return maps without a valid pixel; ``classes`` is 0 where no probabilities are wanted."""
        shape = (window.height, window.width)
        return cls(
            window,
            np.zeros(shape, dtype=np.uint16),
            np.full(shape, np.nan, dtype=np.float32),
            np.full((classes, *shape), np.nan, dtype=np.float32) if classes else None,
        )

    def part(self, inner: Window) -> Maps:
        """Return a view; rows and columns of ``inner`` count within the window."""
        row, col = self.window.row + inner.row, self.window.col + inner.col
        scores = self.probabilities
        return Maps(
            Window(row, col, inner.height, inner.width),
            self.labels[inner.rows, inner.cols],
            self.confidence[inner.rows, inner.cols],
            None if scores is None else scores[:, inner.rows, inner.cols],
        )

    def file_tiles(self) -> Iterator[Maps]:
        """Yield the parts that fill one tile of the files each."""
        for inner in tiles(self.window.height, self.window.width, TILE, TILE):
            yield self.part(inner)


@dataclass(eq=False)
class Zone:
    """A part of the outputs under way.

    Attributes:
        maps: of all its blocks.
        waiting: pixels of blocks that are not computed yet; the writer counts them.
    """

    maps: Maps
    waiting: int

    @classmethod
    def begin(cls, window: Window, classes: int) -> Zone:
        """Start a zone; ``classes`` is 0 where no probabilities are wanted."""
        return cls(Maps.empty(window, classes), window.size)

    def blocks(self, rows: int, cols: int) -> Iterator[Window]:
        """Yield windows within the zone; the last ones are cut at its edges."""
        return tiles(self.maps.window.height, self.maps.window.width, rows, cols)


def even(length: int, largest: int) -> int:
    """Side of tiles that divide a length evenly, instead of leaving a sliver."""
    return -(-length // -(-length // largest))
