from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.accuracy.placement import place
from hsicnn.core.errors import RasterError
from hsicnn.core.raster.grid import Grid
from osgeo import osr


def grid(epsg: int, transform: tuple[float, ...], side: int = 10) -> Grid:
    reference = osr.SpatialReference()
    if epsg:
        reference.ImportFromEPSG(epsg)
    return Grid(reference.ExportToWkt() if epsg else "", transform, side, side)


UTM = (500_000.0, 10.0, 0.0, 5_800_000.0, 0.0, -10.0)
ROWS, COLS = np.array([0, 4, 9]), np.array([0, 5, 9])


def test_same_grid_same_pixels():
    rows, cols, inside = place(ROWS, COLS, grid(32633, UTM), grid(32633, UTM))
    assert rows.tolist() == ROWS.tolist()
    assert cols.tolist() == COLS.tolist()
    assert inside.all()


def test_a_shifted_grid_loses_what_lies_outside():
    shifted = (500_050.0, 10.0, 0.0, 5_800_000.0, 0.0, -10.0)
    rows, cols, inside = place(ROWS, COLS, grid(32633, UTM), grid(32633, shifted))
    assert inside.tolist() == [False, True, True]
    assert cols[1:].tolist() == [0, 4]
    assert rows[1:].tolist() == [4, 9]


def test_another_crs_is_transformed_x_before_y():
    # 500 km east in zone 33 is 15 degrees east; 5800 km north is 52.35 degrees north
    degrees = grid(4326, (14.99, 0.002, 0.0, 52.355, 0.0, -0.01))
    rows, cols, inside = place(ROWS, COLS, grid(32633, UTM), degrees)
    assert inside.all()
    assert (cols == 5).all()
    assert (rows == 0).all()


def test_one_crs_missing_is_an_error():
    with pytest.raises(RasterError, match="only one of them has a CRS"):
        place(ROWS, COLS, grid(32633, UTM), grid(0, (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)))
