"""Zones: parts of the outputs whose blocks are computed together, whole tiles of the files.

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


@dataclass(eq=False)
class Zone:
    """A part of the outputs under way; its blocks are counted by one thread.

    Attributes:
        maps: of all its blocks.
        waiting: its pixels that are not computed yet.
        number: of the zone in the order of all.
    """

    maps: Maps
    waiting: int
    number: int = 0

    def __post_init__(self) -> None:
        _, _, height, width = self.maps.window
        self._tiles = {tile: tile.size for tile in tiles(height, width, TILE, TILE)}

    @classmethod
    def begin(cls, window: Window, classes: int, number: int = 0) -> Zone:
        """Start a zone; ``classes`` is 0 where no probabilities are wanted."""
        return cls(Maps.empty(window, classes), window.size, number)

    def finish(self, block: Window) -> Iterator[Maps]:
        """Count a block as computed.

        Args:
            block: in the outputs.

        Yields:
            What fills a tile of the files each, and is complete now.
        """
        self.waiting -= block.size
        row, col = block.row - self.maps.window.row, block.col - self.maps.window.col
        done = Window(row, col, block.height, block.width)
        for tile in list(self._tiles):
            self._tiles[tile] -= _common(tile, done)
            if not self._tiles[tile]:
                del self._tiles[tile]
                yield self.maps.part(tile)


def _common(one: Window, other: Window) -> int:
    """Pixels that two windows share."""
    height = min(one.rows.stop, other.rows.stop) - max(one.row, other.row)
    width = min(one.cols.stop, other.cols.stop) - max(one.col, other.col)
    return int(max(height, 0) * max(width, 0))


def even(length: int, largest: int) -> int:
    """Side of tiles that divide a length evenly, instead of leaving a sliver."""
    return -(-length // -(-length // largest))
