"""Labels that lie where the image has values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import LabelError
from ..progress import Progress
from ..raster.bands import Band
from ..raster.source import RasterSource
from ..raster.windows import Window
from .labels import Labels

_CELL = 256  # pixels are looked up cell by cell


def drop_invalid(
    labels: Labels, source: RasterSource, bands: Sequence[Band], progress: Progress
) -> Labels:
    """Drop the labels of pixels that are nodata in every band, and say how many.

    Reads the image around labels only: the first band, and all of them only where that
    one has no value.

    Args:
        labels: the labelled pixels.
        source: the image.
        bands: those that count.
        progress: told how far it is; asked for cancelling.

    Raises:
        LabelError: where none is left.
        RasterError: where the image cannot be read.
    """
    positions = [band.index - 1 for band in bands]
    valid = np.zeros(len(labels), dtype=bool)
    cells = _cells(labels)
    for number, own in enumerate(cells, 1):
        progress.check_cancel()
        valid[own] = _valid(labels, own, source, positions)
        progress.report(number / len(cells), "")
    if not valid.any():
        raise LabelError(
            f"All {len(labels):,} labelled pixels lie where {source.name} has no values (nodata). "
            "Choose reference data of the part with values, or check the image's nodata value."
        )
    if valid.all():
        return labels
    kept = labels.keep(valid)
    words = f"{int((~valid).sum()):,} labelled pixels lie on nodata and were left out."
    gone = [item.name for item in labels.classes if item not in kept.classes]
    if gone:
        words += f" With them goes {', '.join(gone)}."
    return labels.keep(valid, words)


def _cells(labels: Labels) -> list[npt.NDArray[np.int64]]:
    """Positions of the labels, cell by cell."""
    down, right = labels.rows // _CELL, labels.cols // _CELL
    order = np.lexsort((right, down))
    change = (np.diff(down[order]) != 0) | (np.diff(right[order]) != 0)
    return np.split(order, np.flatnonzero(change) + 1)


def _valid(
    labels: Labels, own: npt.NDArray[np.int64], source: RasterSource, positions: Sequence[int]
) -> npt.NDArray[np.bool_]:
    """Tell which labels of a cell lie on values."""
    found = np.zeros(len(own), dtype=bool)
    for chosen in (positions[:1], positions):
        open_ones = np.flatnonzero(~found)
        if not len(open_ones):
            break
        rows, cols = labels.rows[own[open_ones]], labels.cols[own[open_ones]]
        top, left = int(rows.min()), int(cols.min())
        window = Window(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)
        _, valid = source.read_raw(window, chosen)
        found[open_ones] = valid[rows - top, cols - left]
    return found
