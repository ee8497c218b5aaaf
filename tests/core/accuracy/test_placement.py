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


def test_pixels_without_a_place_in_the_other_crs_are_outside_and_spoil_none():
    # Centres from 45 degrees north to the south pole, which Lambert's projection cannot hold.
    world = grid(4326, (9.5, 1.0, 0.0, 52.5, 0.0, -15.0))
    lambert = grid(3034, (3_900_000.0, 100_000.0, 0.0, 2_500_000.0, 0.0, -100_000.0))
    rows, cols, inside = place(np.array([0, 9]), np.array([0, 0]), world, lambert)
    assert inside.tolist() == [True, False]
    assert (rows[0], cols[0]) != (0, 0)
    assert (rows[1], cols[1]) == (0, 0)
