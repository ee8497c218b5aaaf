"""Writes an imported image and its ground truth as GeoTIFFs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..errors import RasterError
from ..progress import Portion, Progress
from ..raster.bands import Band
from ..raster.class_bands import class_map_type
from ..raster.grid import Grid
from ..raster.windows import Window, tiles
from ..raster.writer import TILE, RasterWriter
from ..runtime.disk_space import DiskNeed, check_disks
from ..timing import TimeLeft
from .image import Image
from .value_types import written_type

_BLOCK_BYTES = 64 << 20  # of a block that is read and written at once
_MOST_BANDS = 65_535  # of a GeoTIFF
_SQUEEZED = 1000  # deflate makes values smaller by about this factor at the most


class SceneFiles:
    """An image and a label map while they are written: both get their names, or none.

    Args:
        grid: of both.
        inputs: files that are read, which no output may be.
        progress: told how far it is; asked for cancelling.
    """

    def __init__(self, grid: Grid, inputs: Sequence[str | Path], progress: Progress) -> None:
        self._grid = grid
        self._inputs = inputs
        self._progress = progress
        self._writers: list[RasterWriter] = []

    def __enter__(self) -> SceneFiles:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers:
            writer.discard()

    def write_image(self, path: str, image: Image, bands: Sequence[Band]) -> str:
        """Write an image; returns the type of its values.

        Raises:
            RasterError: it cannot be written.
            InputError: the disk is too small, or no type holds its values.
        """
        if image.bands > _MOST_BANDS:
            raise RasterError(
                f"The image would have {image.bands:,} bands; a GeoTIFF has up to {_MOST_BANDS:,}. "
                "Check which axis the bands are: LAYOUT."
            )
        windows = list(_windows(image))
        name, note = written_type(image.values.dtype, lambda: self._limits(image, windows))
        if note:
            self._progress.log(note)
        size = image.height * image.width * image.bands * np.dtype(name).itemsize
        instead = "Choose another folder (OUTPUT)."
        check_disks(
            [DiskNeed("OUTPUT", Path(path), size, size // _SQUEEZED, instead)], self._progress
        )  # fmt: skip
        writer = RasterWriter(
            path, self._grid, image.bands, name, nodata=None, bands=bands, inputs=self._inputs
        )
        self._writers.append(writer)
        part = Portion(self._progress, 0.3, 0.98)
        for window, values in _read(image, windows, part, "writing the image"):
            writer.write(window, values.astype(name, copy=False))
        return name

    def write_map(
        self, path: str, codes: npt.NDArray[np.int64], classes: Sequence[ClassInfo], unlabelled: int
    ) -> None:
        """Write a label map ``(height, width)`` with names and colours.

        Raises:
            RasterError: it cannot be written, or a code does not fit a map.
        """
        dtype, free = class_map_type(item.code for item in classes)
        known = np.isin(codes, [item.code for item in classes]) & (codes != unlabelled)
        values = np.where(known, codes, free).astype(dtype)
        writer = RasterWriter(
            path, self._grid, 1, dtype, nodata=free, categories=classes, inputs=self._inputs
        )
        self._writers.append(writer)
        for window in tiles(self._grid.height, self._grid.width, TILE, 16 * TILE):
            self._progress.check_cancel()
            writer.write(window, np.ascontiguousarray(values[window.rows, window.cols]))

    def commit(self) -> None:
        """Give the files their names.

        Raises:
            RasterError: one of them is incomplete or cannot be renamed.
        """
        self._progress.report(0.98, "checking what was written")
        RasterWriter.commit_all(self._writers)

    def _limits(self, image: Image, windows: Sequence[Window]) -> tuple[int, int]:
        """Return the smallest and the largest value of an image of whole numbers."""
        part = Portion(self._progress, 0.1, 0.3)
        found = [
            (int(values.min()), int(values.max()))
            for _, values in _read(image, windows, part, "looking through the values")
        ]
        return min(low for low, _ in found), max(high for _, high in found)


def _windows(image: Image) -> Iterator[Window]:
    """Yield windows of whole tiles of the output that are small enough to be held."""
    pixel = image.bands * image.values.dtype.itemsize
    side = TILE
    while side > 16 and side * side * pixel > 4 * _BLOCK_BYTES:
        side //= 2  # of very many bands a part of a tile at a time
    long = side * max(_BLOCK_BYTES // (side * side * pixel), 1)
    # Long in the direction in which the pixels follow each other in the file.
    rows, cols = (long, side) if image.runs_down else (side, long)
    return tiles(image.height, image.width, rows, cols)


def _read(
    image: Image, windows: Sequence[Window], progress: Progress, text: str
) -> Iterator[tuple[Window, npt.NDArray[Any]]]:
    """Yield the blocks of an image and say how far it is."""
    done, left = 0, TimeLeft()
    for window in windows:
        progress.check_cancel()
        yield window, image.read(window)
        done += window.size
        share = done / (image.height * image.width)
        progress.report(share, ", ".join(word for word in (text, left.text(share)) if word))
