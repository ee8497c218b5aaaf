"""Where blocks end: with the file's own tiles where these are large.

A compressed tile is decoded whole, whatever part of it is read. Blocks therefore end a radius
before the file's tiles end: what they read, margin included, then ends where a tile does. All
blocks of a tile come one after the other, while it is in GDAL's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..raster.windows import Window
from .zones import even

SMALL = 16  # file tiles of a 16th of a block: cutting one in two costs nothing


@dataclass(frozen=True)
class FileTiles:
    """The file's own tiles, as an area of the raster meets them.

    Attributes:
        rows: of a tile.
        cols: of a tile.
        first_row: the raster's row where the area begins.
        first_col: the raster's column where the area begins.
    """

    rows: int = 1
    cols: int = 1
    first_row: int = 0
    first_col: int = 0


def blocks(zone: Window, file: FileTiles, rows: int, cols: int, radius: int) -> Iterator[Window]:
    """Cover a zone with blocks.

    Args:
        zone: in the area.
        file: where the file's tiles lie.
        rows: of a block, give or take an eighth.
        cols: of a block, likewise.
        radius: of the network.

    Yields:
        Windows within the zone, all those of a file's tile one after the other.
    """
    down = _divide(file.first_row + zone.row, zone.height, file.rows, rows, radius)
    across = _divide(file.first_col + zone.col, zone.width, file.cols, cols, radius)
    for tile_rows in down:
        for tile_cols in across:
            for row, height in tile_rows:
                for col, width in tile_cols:
                    yield Window(row, col, height, width)


def _divide(
    first: int, length: int, step: int, most: int, radius: int
) -> list[list[tuple[int, int]]]:
    """Divide an axis into parts ``(start, length)``, grouped by the file's tiles."""
    lines = [0, length]
    if SMALL * step > most:
        wide = max(most // step, 1) * step
        least = max(wide // 8, 2 * radius, 1)
        start = -(-(first + radius) // wide) * wide - radius - first
        lines[1:1] = [
            line for line in range(start, length, wide) if least <= line <= length - least
        ]
    return [list(_parts(low, high, most)) for low, high in zip(lines, lines[1:])]


def _parts(low: int, high: int, most: int) -> Iterator[tuple[int, int]]:
    side = even(high - low, most + most // 8)
    for start in range(low, high, side):
        yield start, min(side, high - start)
