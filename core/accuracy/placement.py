"""Finding pixels of one grid on another."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.extents import transformation, transformed_points
from ..errors import RasterError
from ..raster.gdal_session import gdal_session
from ..raster.grid import Grid, same_crs

Indices = npt.NDArray[np.int64]


def place(
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    grid: Grid,
    target: Grid,
) -> tuple[Indices, Indices, npt.NDArray[np.bool_]]:
    """Return where pixel centres of ``grid`` lie on ``target``.

    Returns:
        Rows and columns ``(n,)`` of the pixels that hold the centres, and whether they are
        inside the raster (those outside have row and column 0).

    Raises:
        RasterError: where only one of the grids has a CRS.
        LabelError: where no transformation is known between them.
    """
    if grid.same_as(target):
        found = rows.astype(np.int64), cols.astype(np.int64)
        return (*found, np.ones(len(rows), dtype=bool))
    x, y = grid.xy(rows, cols)
    if bool(grid.crs_wkt) != bool(target.crs_wkt):
        raise RasterError(
            "The map and the samples lie on different grids, and only one of them has a "
            f"CRS: {grid.describe()}; {target.describe()}. Give both the same CRS."
        )
    if grid.crs_wkt and not same_crs(grid.crs_wkt, target.crs_wkt):
        x, y = _transformed(x, y, grid.crs_wkt, target.crs_wkt)
    known = np.isfinite(x) & np.isfinite(y)
    row, col = target.rowcol(np.where(known, x, 0.0), np.where(known, y, 0.0))
    inside = known & (row >= 0) & (row < target.height) & (col >= 0) & (col < target.width)
    return np.where(inside, row, 0), np.where(inside, col, 0), inside


def _transformed(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], start: str, goal: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return coordinates in another CRS; those it cannot hold become infinite."""
    with gdal_session():
        change = transformation(start, goal, "the samples")
        moved = transformed_points(change, list(zip(x.tolist(), y.tolist())))
    points = np.asarray(moved, dtype=np.float64)
    return points[:, 0], points[:, 1]
