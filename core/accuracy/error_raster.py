"""The error raster: where the map is right and where it is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..progress import Progress
from ..raster.grid import Grid
from ..raster.windows import tiles
from ..raster.writer import RasterWriter
from .sampling import InWindow

RIGHT, WRONG, NOT_ASSESSED = 1, 2, 0
CLASSES = (ClassInfo(RIGHT, "right", "#0072b2"), ClassInfo(WRONG, "wrong", "#d55e00"))
STRIP = 1024

Indices = npt.NDArray[np.int64]


@contextmanager
def staged_errors(
    path: str,
    grid: Grid,
    rows: Indices,
    cols: Indices,
    right: npt.NDArray[np.bool_],
    *,
    source: str,
    progress: Progress,
) -> Iterator[tuple[Path, Path]]:
    """Write 1 where the map is right, 2 where it is wrong, 0 where nothing was assessed.

    Where several samples share a pixel, one that is wrong counts. The raster has a temporary
    name; what is not renamed is removed at the end.

    Args:
        path: the GeoTIFF to write.
        grid: of the map.
        rows: ``(n,)`` of the assessed pixels.
        cols: ``(n,)``.
        right: ``(n,)``.
        source: the map, which the output must not be.
        progress: asked whether to stop.

    Yields:
        That name and the final one, for ``move_into_place``.

    Raises:
        RasterError: it cannot be written.
    """
    pixels = InWindow(rows, cols)
    with RasterWriter(
        path,
        grid,
        1,
        "uint8",
        nodata=NOT_ASSESSED,
        descriptions=["right or wrong"],
        categories=CLASSES,
        inputs=[source],
    ) as writer:
        for window in tiles(grid.height, grid.width, STRIP, STRIP):
            progress.check_cancel()
            which = pixels.find(window)
            block = np.zeros((window.height, window.width), dtype=np.uint8)
            place = rows[which] - window.row, cols[which] - window.col
            np.maximum.at(block, place, np.where(right[which], RIGHT, WRONG).astype(np.uint8))
            writer.write(window, block)
        writer.finish()
        yield writer.staged
