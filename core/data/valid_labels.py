"""Labels that lie where the image has values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import LabelError
from ..progress import Progress
from ..raster.bands import Band
from ..raster.source import RasterSource
from .label_cells import bounds, cells
from .labels import Labels

_CELL = 256  # pixels are looked up cell by cell


def lie_on_values(
    labels: Labels, source: RasterSource, bands: Sequence[Band], progress: Progress
) -> npt.NDArray[np.bool_]:
    """Tell which labels lie where the image has a value in a band or more.

    Reads the image around labels only: the first band, and all of them only where that
    one has no value.

    Args:
        labels: the labelled pixels.
        source: the image.
        bands: those that count.
        progress: told how far it is; asked for cancelling.

    Raises:
        LabelError: where none does.
        RasterError: where the image cannot be read.
    """
    positions = [band.index - 1 for band in bands]
    valid = np.zeros(len(labels), dtype=bool)
    found = cells(labels.rows, labels.cols, _CELL, _CELL)
    for number, own in enumerate(found, 1):
        progress.check_cancel()
        valid[own] = _valid(labels, own, source, positions)
        progress.report(number / len(found), "")
    if not valid.any():
        raise LabelError(
            f"All {len(labels):,} labelled pixels lie where {source.name} has no values (nodata). "
            "Choose reference data of the part with values, or check the image's nodata value."
        )
    return valid


def drop_invalid(
    labels: Labels, source: RasterSource, bands: Sequence[Band], progress: Progress
) -> Labels:
    """Drop the labels of pixels that are nodata in every band, and say how many.

    Args, errors: as ``lie_on_values``.
    """
    valid = lie_on_values(labels, source, bands, progress)
    if valid.all():
        return labels
    kept = labels.keep(valid)
    words = f"{int((~valid).sum()):,} labelled pixels lie on nodata and were left out."
    gone = [item.name for item in labels.classes if item not in kept.classes]
    if gone:
        words += f" With them goes {', '.join(gone)}."
    return labels.keep(valid, words)


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
        window = bounds(rows, cols)
        _, valid = source.read_raw(window, chosen)
        found[open_ones] = valid[rows - window.row, cols - window.col]
    return found
