"""Windows of a raster as values, tilings, and the one rule for what lies beyond an edge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Window(NamedTuple):
    """A rectangle of pixels: first row, first column, height, width."""

    row: int
    col: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """The rows as a slice of a ``(..., height, width)`` array."""
        return slice(self.row, self.row + self.height)

    @property
    def cols(self) -> slice:
        """The columns as a slice of a ``(..., height, width)`` array."""
        return slice(self.col, self.col + self.width)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.height * self.width


def tiles(height: int, width: int, tile_height: int, tile_width: int) -> Iterator[Window]:
    """Cover a raster once with tiles, row by row; the last ones are cut at the edges.

    Args:
        height: rows of the raster.
        width: columns of the raster.
        tile_height: rows of a whole tile.
        tile_width: columns of a whole tile.

    Yields:
        Windows that lie inside the raster and do not overlap.

    Raises:
        ValueError: a tile without rows or columns.
    """
    if tile_height < 1 or tile_width < 1:
        raise ValueError(f"A tile of {tile_height} x {tile_width} pixels covers nothing.")
    for row in range(0, height, tile_height):
        for col in range(0, width, tile_width):
            yield Window(row, col, min(tile_height, height - row), min(tile_width, width - col))


def grow(window: Window, margin: int) -> Window:
    """Add a margin of pixels on every side; the result may leave the raster."""
    return Window(
        window.row - margin,
        window.col - margin,
        window.height + 2 * margin,
        window.width + 2 * margin,
    )


def clip(window: Window, height: int, width: int) -> Window:
    """The part of a window inside a raster of ``height`` x ``width``; size 0 if there is none."""
    row = min(max(window.row, 0), height)
    col = min(max(window.col, 0), width)
    bottom = min(max(window.row + window.height, row), height)
    right = min(max(window.col + window.width, col), width)
    return Window(row, col, bottom - row, right - col)


def inside(window: Window, height: int, width: int) -> bool:
    """Whether a window has pixels and none of them lies outside the raster."""
    return window.size > 0 and window == clip(window, height, width)


def reflect_index(start: int, stop: int, size: int) -> npt.NDArray[np.int64]:
    """Indices ``start..stop-1``, mirrored into ``0..size-1`` where they leave it.

    The edge itself is not repeated (-1 becomes 1, ``size`` becomes ``size - 2``), and a
    range longer than the raster is mirrored again and again. This is numpy's ``reflect``
    padding; training and inference both fill missing neighbours with it.

    Args:
        start: first index, may be negative.
        stop: one past the last index, may exceed ``size``.
        size: length of the axis, at least 1.

    Returns:
        ``(stop - start,)`` int64.

    Raises:
        ValueError: an axis of no length.
    """
    if size < 1:
        raise ValueError("An axis without pixels has nothing to mirror.")
    index = np.arange(start, stop, dtype=np.int64)
    if size == 1:
        return np.zeros_like(index)
    period = 2 * (size - 1)
    index = np.mod(index, period)
    return np.asarray(np.minimum(index, period - index), dtype=np.int64)


def mirrored(
    full: Window, held: Window, height: int, width: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return an index that makes the pixels of ``full`` of those of ``held``.

    Args:
        full: a window that may leave the raster.
        held: what of it lies in the raster; its pixels are there.
        height: rows of the raster.
        width: columns of the raster.
    """
    rows = reflect_index(full.row, full.row + full.height, height) - held.row
    cols = reflect_index(full.col, full.col + full.width, width) - held.col
    return rows[:, None], cols[None, :]
