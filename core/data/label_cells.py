"""Reading an image where labels lie: cell by cell, and nothing between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..progress import Progress
from ..raster.source import RasterSource
from ..raster.windows import Window
from ..timing import TimeLeft

_SIDE = 64  # pixels of a square that is read together, or more where the file's blocks are larger
_BYTES = 32 << 20  # of values read at once

Places = npt.NDArray[np.integer[Any]]


def cells(rows: Places, cols: Places, height: int, width: int) -> list[npt.NDArray[np.int64]]:
    """Divide pixels by the cells of a grid over the raster.

    Args:
        rows: ``(n,)`` of the pixels.
        cols: ``(n,)`` of the pixels.
        height: of a cell, in pixels.
        width: of a cell, in pixels.

    Returns:
        The positions of the pixels of each cell that has any, cell after cell, row by row.
    """
    if not len(rows):
        return []
    down, right = rows // height, cols // width
    order = np.lexsort((right, down))
    change = (np.diff(down[order]) != 0) | (np.diff(right[order]) != 0)
    return np.split(order, np.flatnonzero(change) + 1)


def bounds(rows: Places, cols: Places) -> Window:
    """Return the smallest window that holds some pixels."""
    top, left = int(rows.min()), int(cols.min())
    return Window(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)


def read_spectra(
    source: RasterSource,
    positions: Sequence[int],
    rows: Places,
    cols: Places,
    progress: Progress,
    *,
    words: str = "reading labelled pixels",
) -> npt.NDArray[np.float32]:
    """Read the values of single pixels.

    Cells are as large as the blocks of the file, so that each of those is decoded once; of a
    cell only what lies around its pixels is read.

    Args:
        source: the raster.
        positions: of the bands to read, in ``source.bands``.
        rows: ``(n,)`` of the pixels.
        cols: ``(n,)`` of the pixels.
        progress: told how far it is, with the time left; asked for cancelling.
        words: what is being read, for the progress.

    Returns:
        ``(n, bands)`` physical values; NaN where there are none.

    Raises:
        RasterError: the raster cannot be read.
        Cancelled: the user stopped.
    """
    spectra = np.full((len(rows), len(positions)), np.nan, dtype=np.float32)
    height, width = _cell_shape(source, len(positions))
    found, left = cells(rows, cols, height, width), TimeLeft()
    for number, own in enumerate(found, 1):
        progress.check_cancel()
        window = bounds(rows[own], cols[own])
        block = source.read(window, positions)
        down, right = rows[own] - window.row, cols[own] - window.col
        values = block.values[:, down, right].T
        values[~block.valid[down, right]] = np.nan
        spectra[own] = values
        done = number / len(found)
        progress.report(done, ", ".join(filter(None, (words, left.text(done)))))
    return spectra


def _cell_shape(source: RasterSource, bands: int) -> tuple[int, int]:
    """Return rows and columns of what is read together: blocks of the file, as far as they fit."""
    pixels = max(_BYTES // (bands * (source.dtype.itemsize + 5)), 1)
    tall, wide = source.block_shape
    height, width = max(tall, _SIDE), max(wide, _SIDE)
    # Wide strips are read a few rows at a time, but never less than a block of theirs.
    height = max(min(height, pixels // width), min(tall, _SIDE))
    return height, max(min(width, pixels // height), _SIDE)
