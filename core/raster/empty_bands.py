"""Which bands hold nothing at all, without reading a raster that holds something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import gcd
from typing import TYPE_CHECKING

from ..progress import Progress
from .bands import Band
from .values import may_miss, missing
from .windows import Window

if TYPE_CHECKING:
    from .source import RasterSource

MEMORY_BYTES = 48 * 1024 * 1024
GOLDEN_RATIO = 0.618


def empty_bands(source: RasterSource, bands: Sequence[Band], progress: Progress) -> frozenset[int]:
    """Numbers (``Band.index``) of the bands without a single valid pixel.

    Blocks are read in an order that spreads over the raster, and only for the bands of
    which nothing valid was seen yet: one or a few blocks settle a normal raster, and only
    bands that are really empty are read to the end.

    Args:
        source: the raster.
        bands: the bands in question.
        progress: asked for cancelling at every block.

    Raises:
        RasterError: the file cannot be read.
        Cancelled: the user asked to stop.
    """
    positions = {band.index: place for place, band in enumerate(source.bands)}
    open_ = [b for b in bands if source.has_mask or may_miss(source.dtype, b)]
    if not open_:
        return frozenset()
    for window in _spread(source, len(open_)):
        progress.check_cancel()
        raw, mask = source.read_array(window, [positions[band.index] for band in open_])
        if mask is not None and not mask.any():
            continue
        still = []
        for plane, band in zip(raw, open_):
            gone = missing(plane, band)
            if gone is not None and bool((gone if mask is None else gone | ~mask).all()):
                still.append(band)
        open_ = still
        if not open_:
            break
    return frozenset(band.index for band in open_)


def _spread(source: RasterSource, bands: int) -> Iterator[Window]:
    """Every block once, each far from the one before."""
    height, width = source.blocks_shape(bands, MEMORY_BYTES)
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
