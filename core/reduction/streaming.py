"""A raster's pixels as a stream of spectra, the same ones in every pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import RasterError
from ..progress import Progress
from ..raster.bands import Band, describe_bands
from ..raster.source import RasterSource
from ..raster.spread import spread_windows
from ..raster.windows import Window
from ..timing import TimeLeft

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

BLOCK_BYTES = 16 * 1024 * 1024  # of a block's raw and physical values; in double it is more


class Tile(NamedTuple):
    """A window with one more row and column where the raster goes on.

    Attributes:
        values: ``(bands, height, width)`` physical.
        complete: ``(height, width)``: pixels with a value in every band.
        height: rows of the window itself.
        width: columns of the window itself.
    """

    values: FloatArray
    complete: BoolArray
    height: int
    width: int

    @property
    def spectra(self) -> FloatArray:
        """Spectra of the window's own complete pixels, ``(n, bands)``."""
        own = (slice(self.height), slice(self.width))
        picked: FloatArray = self.values[(slice(None), *own)][:, self.complete[own]]
        return picked.T


class PixelStream:
    """Complete pixels of a raster; of a large one, of blocks spread over it.

    A pixel without a value in one of the bands is left out: components are fitted on whole
    spectra. Every pass goes through the same blocks in the same order.

    Attributes:
        seen: pixels of the blocks that were read.
        pixels: complete ones among them.
        whole: whether all blocks of the raster were read.
    """

    def __init__(self, source: RasterSource, bands: Sequence[Band], sample: int) -> None:
        """Prepare a stream.

        Args:
            source: the raster.
            bands: of it, in the order wanted.
            sample: enough complete pixels; 0 takes all.
        """
        self._source = source
        self._bands = tuple(bands)
        self._positions = [band.index - 1 for band in bands]
        self._sample = sample
        self._windows: list[Window] = []
        self._lacking = np.zeros(len(bands), dtype=np.int64)
        self.seen = 0
        self.pixels = 0
        self.whole = False

    def tiles(self, progress: Progress, text: str) -> Iterator[Tile]:
        """Go through the blocks once.

        Args:
            progress: told how far this pass is; asked for cancelling at every block.
            text: what the pass does.

        Raises:
            RasterError: the raster cannot be read, or (at the end of the first pass) has fewer
                than two complete pixels.
            Cancelled: the user stopped.
        """
        first, left = not self._windows, TimeLeft()
        everything = self._source.grid.height * self._source.grid.width
        wanted = min(self._sample or everything, everything) if first else self.pixels
        done = 0
        for window in self._first_pass() if first else self._windows:
            progress.check_cancel()
            tile = self._read(window)
            own = int(tile.complete[: tile.height, : tile.width].sum())
            if first:
                self._count(window, tile.values[:, : tile.height, : tile.width], own)
            done += own
            # Where few pixels are complete, blocks say better how far it is.
            share = done / max(wanted, 1)
            if first:
                share = max(share, self.seen / everything)
            yield tile
            share = min(share, 1.0)
            progress.report(share, ", ".join(part for part in (text, left.text(share)) if part))
        if self.pixels < 2:
            raise self._nothing()

    def _first_pass(self) -> Iterator[Window]:
        """Blocks until there are enough pixels; they are kept for later passes."""
        for window in spread_windows(self._source, len(self._bands), BLOCK_BYTES):
            yield window
            if self._sample and self.pixels >= self._sample:
                break
        self.whole = self.seen == self._source.grid.height * self._source.grid.width

    def _read(self, window: Window) -> Tile:
        grid = self._source.grid
        height = min(window.height + 1, grid.height - window.row)
        width = min(window.width + 1, grid.width - window.col)
        block = self._source.read(Window(window.row, window.col, height, width), self._positions)
        known = np.isfinite(block.values).all(axis=0)
        return Tile(block.values, block.valid & known, window.height, window.width)

    def _count(self, window: Window, values: FloatArray, complete: int) -> None:
        """Remember a block of the first pass, and which bands lack values in it."""
        self._windows.append(window)
        self.seen += window.size
        self.pixels += complete
        self._lacking += (~np.isfinite(values)).sum(axis=(1, 2))

    def _nothing(self) -> RasterError:
        """Return the error for a raster without whole spectra."""
        name = self._source.name
        lacking = [band for band, gone in zip(self._bands, self._lacking) if gone]
        told = ""
        if lacking:  # pixels that are valid and yet miss values of some bands
            told = (
                f" Values of {describe_bands(lacking)} are missing; leave such bands out (BANDS, "
                "RANGES)."
            )
        return RasterError(
            f"Components need pixels with a value in each of the {len(self._bands)} bands used; "
            f"{name} has {self.pixels or 'none'}.{told} Check its nodata value and its mask, or "
            "choose another image."
        )
