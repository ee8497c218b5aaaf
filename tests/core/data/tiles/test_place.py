from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.tiles.place import TilePlace, depths, margin_of
from hsicnn.core.raster.grid import Grid
from hypothesis import given
from hypothesis import strategies as st

GRID = Grid("", (500.0, 10.0, 2.0, 900.0, 1.0, -8.0), 200, 200)


@given(
    st.integers(20, 100), st.integers(20, 100), st.integers(2, 25), st.floats(0, 359.9)
)  # fmt: skip
def test_a_turned_pixel_lies_in_the_source_pixel_that_it_shows(row, col, size, angle):
    place = TilePlace(row, col, size, angle)
    rows, cols = place.pixels()
    own = place.grid(GRID)
    down, right = np.mgrid[:size, :size]
    x, y = own.xy(down, right)
    # Where the centre of the tile's pixel lies in the source, in pixels.
    there_col, there_row = exact(GRID, x, y)
    assert (np.abs(there_row - rows - 0.5) <= 0.5 + 1e-6).all()
    assert (np.abs(there_col - cols - 0.5) <= 0.5 + 1e-6).all()
    reach = place.reach()
    assert (rows.min(), cols.min()) == (reach.row, reach.col)
    assert (rows.max(), cols.max()) == (
        reach.row + reach.height - 1,
        reach.col + reach.width - 1,
    )
    margin = margin_of(size, (angle,))
    assert rows.min() >= row - margin
    assert rows.max() < row + size + margin
    assert cols.min() >= col - margin
    assert cols.max() < col + size + margin


def exact(grid, x, y):
    x0, a, b, y0, d, e = grid.geotransform
    determinant = a * e - b * d
    x, y = x - x0, y - y0
    return (e * x - b * y) / determinant, (a * y - d * x) / determinant


@pytest.mark.parametrize("size", [4, 7])
def test_quarter_turns_are_those_of_the_array(size):
    source = np.arange(40 * 40).reshape(40, 40)
    plain = source[10 : 10 + size, 20 : 20 + size]
    for turns in (1, 2, 3):
        rows, cols = TilePlace(10, 20, size, 90.0 * turns).pixels()
        # The tile is turned clockwise, so what it shows turns the other way round.
        np.testing.assert_array_equal(source[rows, cols], np.rot90(plain, turns))
    assert margin_of(size, (90.0, 180.0, 270.0)) == 0
    assert margin_of(size, (45.0,)) > 0


def test_depths_count_the_pixels_to_the_edge():
    found = depths(5)
    np.testing.assert_array_equal(found[0], 0)
    np.testing.assert_array_equal(found[2], [0, 1, 2, 1, 0])
    assert depths(4).max() == 1
