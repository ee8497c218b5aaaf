"""An array as an image: windows of ``(bands, rows, columns)``, whatever its layout."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..raster.windows import Window
from .arrays import Container, RawArray, StoredArray, Values, times
from .band_axis import FIRST, band_axis
from .recognise import ASK
from .settings import ImportSettings

_ROWS = {"nrow", "nrows", "rows", "row", "height", "lines"}
_COLS = {"ncol", "ncols", "cols", "col", "columns", "width", "samples"}


@dataclass(frozen=True, eq=False)
class Image:
    """An image to write.

    Attributes:
        values: of the array.
        height: rows.
        width: columns.
        bands: how many.
        order: of the array's axes as bands, rows, columns; two axes for a matrix: bands, pixels.
        down: whether the pixels of a matrix run down the columns.
        why: how it was read, in words.
    """

    values: Values
    height: int
    width: int
    bands: int
    order: tuple[int, ...]
    down: bool
    why: str

    def read(self, window: Window) -> RawArray:
        """Return ``(bands, height, width)`` of a window."""
        if len(self.order) == 3:
            key = [slice(None)] * 3
            key[self.order[1]], key[self.order[2]] = window.rows, window.cols
            return np.transpose(self.values[tuple(key)], self.order)
        part = self._lines(window)
        return part.transpose(0, 2, 1) if self.down else part

    @property
    def runs_down(self) -> bool:
        """Whether pixels that are stored one behind the other lie below each other."""
        return len(self.order) == 2 and self.down

    def _lines(self, window: Window) -> RawArray:
        """Return ``(bands, lines, pixels)`` of a matrix: lines are columns where it runs down.

        No more is read than is asked for: lines may be long.
        """
        lines, along, length = window.rows, window.cols, self.width
        if self.down:
            lines, along, length = window.cols, window.rows, self.height
        if along == slice(0, length):
            whole = self._pixels(lines.start * length, lines.stop * length)
            return whole.reshape(self.bands, -1, length)
        shape = (self.bands, lines.stop - lines.start, along.stop - along.start)
        part = np.empty(shape, self.values.dtype)
        for place, line in enumerate(range(lines.start, lines.stop)):
            part[:, place] = self._pixels(line * length + along.start, line * length + along.stop)
        return part

    def _pixels(self, first: int, stop: int) -> RawArray:
        """Return ``(bands, pixels)`` of a matrix."""
        key = [slice(None)] * 2
        key[self.order[1]] = slice(first, stop)
        return np.transpose(self.values[tuple(key)], self.order)


def as_image(
    stored: StoredArray,
    container: Container,
    settings: ImportSettings,
    *,
    map_shape: tuple[int, ...] = (),
    wavelengths: int = 0,
) -> Image:
    """Read an array of three axes, or a matrix with rows and columns given, as an image.

    Args:
        stored: the array.
        container: its file, which may say rows and columns of a matrix.
        settings: what the user says.
        map_shape: rows and columns of the ground truth; empty where there is none.
        wavelengths: how many are known; 0 where none are.

    Raises:
        InputError: its axes cannot be told.
    """
    if len(stored.shape) == 2:
        return _of_matrix(stored, container, settings, map_shape, wavelengths)
    if len(stored.shape) != 3:
        raise InputError(
            f"'{stored.name}' is {times(stored.shape)}; an image has three axes: rows, columns, "
            "bands. Windows of four axes need their labels: give the file with them as REFERENCE."
        )
    values = stored.load()
    told = band_axis(
        values, layout=settings.layout, map_shape=map_shape, wavelengths=wavelengths
    )  # fmt: skip
    if not told.layout:
        raise InputError(
            f"'{stored.name}' of {container.name} is {times(stored.shape)}, and which of it are "
            f"the bands cannot be told: {told.why}. {ASK}"
        )
    order = (0, 1, 2) if told.layout == FIRST else (2, 0, 1)
    bands, height, width = (stored.shape[axis] for axis in order)
    why = f"{told.layout} ({told.why}): {height} rows, {width} columns, {bands} bands"
    return Image(values, height, width, bands, order, False, why)


def matrix_sides(
    container: Container, settings: ImportSettings, map_shape: tuple[int, ...] = ()
) -> tuple[int, int] | None:
    """Return rows and columns of images stored as matrices, where anything tells them.

    ROWS and COLS count first, then the ground truth, then numbers of the file such as
    ``nRow`` and ``nCol``.
    """
    if settings.rows and settings.cols:
        return settings.rows, settings.cols
    if len(map_shape) == 2:
        return map_shape[0], map_shape[1]
    found = [_number_of(container, names) for names in (_ROWS, _COLS)]
    return (found[0], found[1]) if found[0] and found[1] else None


def runs_down(stored: StoredArray, settings: ImportSettings) -> bool:
    """Return whether the pixels of a matrix run down the columns."""
    if settings.pixel_order == "auto":
        return stored.column_major
    return settings.pixel_order == "columns"


def _number_of(container: Container, names: set[str]) -> int:
    for item in container.arrays:
        if item.name.lower().replace("_", "") in names and item.size == 1 and not item.problem:
            value = float(item.read().reshape(-1)[0])
            if value == math.floor(value) and 0 < value < 2**31:
                return int(value)
    return 0


def _of_matrix(
    stored: StoredArray,
    container: Container,
    settings: ImportSettings,
    map_shape: tuple[int, ...],
    wavelengths: int,
) -> Image:
    sides = matrix_sides(container, settings, map_shape)
    if sides is None:
        raise InputError(
            f"'{stored.name}' of {container.name} is {times(stored.shape)}; an image has three "
            "axes. If it is an image as a matrix of bands and pixels, give ROWS and COLS; if it is "
            "a table of samples, give the file with their labels as REFERENCE."
        )
    height, width = sides
    fitting = [axis for axis in (0, 1) if stored.shape[axis] == height * width]
    if len(fitting) == 2:
        by_count = [axis for axis in fitting if stored.shape[1 - axis] == wavelengths]
        fitting = by_count if len(by_count) == 1 else fitting
        if settings.layout != "auto":
            fitting = [1] if settings.layout == FIRST else [0]
    if len(fitting) != 1:
        problem = "both of its sides are" if fitting else "none of its sides is"
        raise InputError(
            f"'{stored.name}' of {container.name} is {times(stored.shape)}: {problem} {height} x "
            f"{width} = {height * width:,} pixels. Give other ROWS and COLS, or LAYOUT: "
            "bands-columns, or bands-first where bands are rows."
        )
    pixels = fitting[0]
    down = runs_down(stored, settings)
    bands = stored.shape[1 - pixels]
    where = "a row a band" if pixels == 1 else "a column a band"
    run = "down the columns, as MATLAB does" if down else "along the rows"
    why = (
        f"a matrix, {where}: {height} rows, {width} columns, {bands} bands; its pixels run {run} "
        "(PIXEL_ORDER)"
    )
    return Image(stored.load(), height, width, bands, (1 - pixels, pixels), down, why)
