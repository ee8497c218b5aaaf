"""Which bands hold nothing at all, without reading a raster that holds something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..progress import Progress
from .bands import Band
from .spread import spread_windows
from .values import may_miss, missing

if TYPE_CHECKING:
    from .source import RasterSource


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
    for window in spread_windows(source, len(open_)):
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
