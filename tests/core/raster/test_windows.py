from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.raster.windows import Window, clip, grow, inside, reflect_index, tiles
from hypothesis import given
from hypothesis import strategies as st

sizes = st.integers(1, 40)


@given(sizes, sizes, sizes, sizes)
def test_tiles_cover_every_pixel_once(height, width, tile_height, tile_width):
    hits = np.zeros((height, width), int)
    for tile in tiles(height, width, tile_height, tile_width):
        assert tile.height <= tile_height
        assert tile.width <= tile_width
        assert inside(tile, height, width)
        hits[tile.rows, tile.cols] += 1
    assert (hits == 1).all()


def test_a_tile_without_pixels_is_refused():
    with pytest.raises(ValueError, match="covers nothing"):
        list(tiles(4, 4, 0, 2))


@given(st.integers(2, 30), st.data())
def test_one_reflection_is_numpys(size, data):
    before = data.draw(st.integers(0, size - 1))
    after = data.draw(st.integers(0, size - 1))
    expected = np.pad(np.arange(size), (before, after), mode="reflect")
    np.testing.assert_array_equal(reflect_index(-before, size + after, size), expected)


@given(st.integers(-90, 60), st.integers(1, 90), st.integers(2, 30))
def test_many_reflections_go_step_by_step_and_mirror(start, length, size):
    # numpy's own repeated reflection is wrong before 1.26.
    index = reflect_index(start, start + length, size)
    assert index.min() >= 0
    assert index.max() < size
    assert (np.abs(np.diff(index)) == 1).all()
    np.testing.assert_array_equal(index, reflect_index(1 - start - length, 1 - start, size)[::-1])
    inner = (np.arange(start, start + length) >= 0) & (np.arange(start, start + length) < size)
    np.testing.assert_array_equal(index[inner], np.arange(start, start + length)[inner])


def test_reflection_does_not_repeat_the_edge():
    assert reflect_index(-2, 6, 4).tolist() == [2, 1, 0, 1, 2, 3, 2, 1]
    assert reflect_index(-2, 3, 1).tolist() == [0] * 5
    assert reflect_index(0, 3, 3).dtype == np.int64


def test_an_axis_without_pixels_is_refused():
    with pytest.raises(ValueError, match="nothing to mirror"):
        reflect_index(0, 1, 0)


@given(st.integers(-9, 20), st.integers(-9, 20), st.integers(0, 20), st.integers(0, 20))
def test_clip_keeps_exactly_the_pixels_inside(row, col, height, width):
    part = clip(Window(row, col, height, width), 12, 7)
    rows = [r for r in range(row, row + height) if 0 <= r < 12]
    cols = [c for c in range(col, col + width) if 0 <= c < 7]
    assert part.size == len(rows) * len(cols)
    if part.size:
        assert (part.row, part.col) == (rows[0], cols[0])


@given(st.integers(0, 9), st.integers(0, 9), sizes, sizes, st.integers(0, 5))
def test_growing_and_shrinking_cancel(row, col, height, width, margin):
    window = Window(row, col, height, width)
    grown = grow(window, margin)
    assert grown.height == height + 2 * margin
    assert grow(grown, -margin) == window
