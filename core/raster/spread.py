"""Windows of a raster in an order that spreads over it: the first few stand for all."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import TYPE_CHECKING

from .windows import Window

if TYPE_CHECKING:
    from .source import RasterSource

MEMORY_BYTES = 48 * 1024 * 1024
GOLDEN_RATIO = 0.618


def spread_windows(source: RasterSource, bands: int, memory_bytes: int = 0) -> Iterator[Window]:
    """Yield every block once, each far from the one before.

    Args:
        source: the raster.
        bands: how many are read at once.
        memory_bytes: of a block's raw and physical values; 0 is ``MEMORY_BYTES``.
    """
    height, width = source.blocks_shape(bands, memory_bytes or MEMORY_BYTES)
    down = -(-source.grid.height // height)
    across = -(-source.grid.width // width)
    count = down * across
    step = max(int(count * GOLDEN_RATIO), 1)
    while gcd(step, count) != 1:
        step += 1
    for turn in range(count):
        row, col = divmod((count // 2 + turn * step) % count, across)
        row, col = row * height, col * width
        yield Window(
            row, col, min(height, source.grid.height - row), min(width, source.grid.width - col)
        )
