"""Where a tile lies on the source's grid, also turned: nearest pixels, no value is mixed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...raster.grid import Grid
from ...raster.windows import Window

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TilePlace:
    """A square of pixels of the source, turned about its middle.

    Attributes:
        row: first row of the square before it is turned.
        col: first column, likewise.
        size: side in pixels.
        angle: degrees clockwise.
    """

    row: int
    col: int
    size: int
    angle: float = 0.0

    @property
    def window(self) -> Window:
        """The square before it is turned."""
        return Window(self.row, self.col, self.size, self.size)

    @property
    def middle(self) -> tuple[int, int]:
        """Row and column of the source's pixel in the middle."""
        return self.row + self.size // 2, self.col + self.size // 2

    def pixels(self) -> tuple[IntArray, IntArray]:
        """Return the row and column in the source of every pixel, ``(size, size)`` each."""
        steps = np.arange(self.size)
        return self._at(steps[:, None], steps[None, :])

    def reach(self) -> Window:
        """Return the smallest window of the source that holds all pixels."""
        ends = np.array([0, self.size - 1])
        rows, cols = self._at(ends[:, None], ends[None, :])
        top, left = int(rows.min()), int(cols.min())
        return Window(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)

    def grid(self, source: Grid) -> Grid:
        """Return the tile's own grid: a turned tile has a turned geotransform."""
        if not self.angle:
            return source.sub(self.window)
        cos, sin = self._turn()
        half = self.size / 2
        # Corner (0, 0) of the tile, and a step along its columns and its rows, in the source.
        row0 = self.row + half - half * sin - half * cos
        col0 = self.col + half - half * cos + half * sin
        _, a, b, _, d, e = source.geotransform
        x, y = source.xy(row0 - 0.5, col0 - 0.5)
        numbers = (
            float(x), a * cos + b * sin, -a * sin + b * cos,
            float(y), d * cos + e * sin, -d * sin + e * cos,
        )  # fmt: skip
        return Grid(source.crs_wkt, numbers, self.size, self.size)

    def _turn(self) -> tuple[float, float]:
        radians = math.radians(self.angle)
        # Quarter turns are exact.
        return round(math.cos(radians), 15), round(math.sin(radians), 15)

    def _at(self, down: IntArray, right: IntArray) -> tuple[IntArray, IntArray]:
        if not self.angle:
            rows, cols = np.broadcast_arrays(down + self.row, right + self.col)
            return rows.astype(np.int64), cols.astype(np.int64)
        cos, sin = self._turn()
        v, u = down + 0.5 - self.size / 2, right + 0.5 - self.size / 2
        rows = np.floor(self.row + self.size / 2 + u * sin + v * cos + 1e-9)
        cols = np.floor(self.col + self.size / 2 + u * cos - v * sin + 1e-9)
        return rows.astype(np.int64), cols.astype(np.int64)


def margin_of(size: int, angles: tuple[float, ...]) -> int:
    """Return how many pixels turned tiles reach beyond the square at the most."""
    # Around a middle of its own a tile reaches the same everywhere.
    reaches = [TilePlace(0, 0, size, angle).reach() for angle in angles]
    ends = [
        max(-place.row, -place.col, place.row + place.height - size,
            place.col + place.width - size)
        for place in reaches
    ]  # fmt: skip
    return max([0, *ends])


def depths(size: int) -> npt.NDArray[np.int32]:
    """Return how many pixels lie between each pixel of a tile and its edge, ``(size, size)``."""
    steps = np.minimum(np.arange(size), np.arange(size)[::-1])
    return np.minimum(steps[:, None], steps[None, :]).astype(np.int32)
