"""Where tiles lie in chips: every labelled pixel in one, none beyond its chip."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.pixel_loading import Rectangles
from hsicnn.core.training.windows import WindowGrid
from hypothesis import given
from hypothesis import strategies as st


def make(boxes, rim):
    """Rectangles of boxes ``(height, width)`` with a rim around them."""
    height, width = (np.array(column) + 2 * rim for column in zip(*boxes))
    start = np.concatenate([[0], np.cumsum(height * width)])[:-1]
    return Rectangles(start.astype(np.int64), height, width, rim)


def labelled(chips: Rectangles) -> np.ndarray:
    """All positions inside the rims."""
    found = []
    for start, height, width in zip(chips.start, chips.height, chips.width):
        rows = np.arange(chips.rim, height - chips.rim)
        cols = np.arange(chips.rim, width - chips.rim)
        found.append((start + rows[:, None] * width + cols).ravel())
    return np.concatenate(found)


@given(
    st.lists(st.tuples(st.integers(1, 70), st.integers(1, 70)), min_size=1, max_size=4),
    st.integers(0, 20),
    st.integers(1, 64),
)
def test_every_labelled_pixel_lies_in_a_tile_and_every_tile_in_a_chip(boxes, rim, side):
    chips = make(boxes, rim)
    side = min(side, int(chips.height.min()), int(chips.width.min()))
    grid, pixels = WindowGrid(chips, side), labelled(chips)
    index, stride = grid.holding(pixels)
    assert len(np.unique(index)) == len(index) <= grid.counts().sum()

    chip = np.searchsorted(chips.start, index, side="right") - 1
    row, col = np.divmod(index - chips.start[chip], chips.width[chip])
    assert (stride == chips.width[chip]).all()
    assert (row + side <= chips.height[chip]).all()
    assert (col + side <= chips.width[chip]).all()

    covered = np.zeros(int((chips.height * chips.width).sum()), dtype=int)
    steps = np.arange(side)
    for first, below in zip(index, stride):
        covered[first + steps[:, None] * below + steps] += 1
    assert (covered[pixels] >= 1).all()

    places = grid.deepest(pixels)
    assert np.isin(places.index, index).all()
    assert (places.index + places.down * places.stride + places.right == pixels).all()
    for within in (places.down, places.right):
        assert ((within >= 0) & (within < side)).all()


@given(st.integers(1, 60), st.integers(0, 20), st.integers(1, 40), st.integers(0, 10**6))
def test_no_tile_holds_a_pixel_deeper_than_the_one_that_predicts_it(box, rim, side, seed):
    chips = make([(box, box)], rim)
    length = box + 2 * rim
    side = min(side, length)
    grid = WindowGrid(chips, side)
    row, col = (rim + int(n) for n in np.random.default_rng(seed).integers(0, box, 2))
    index = np.array([row * length + col])
    found = grid.deepest(index)

    def depth(down, right):
        return min(down, right, side - 1 - down, side - 1 - right)

    own = depth(int(found.down[0]), int(found.right[0]))
    for first in grid.holding(labelled(chips))[0]:
        top, left = divmod(int(first), length)
        if top <= row < top + side and left <= col < left + side:
            assert depth(row - top, col - left) <= own
    # Half of a tile lies between two neighbours; only the chip's edge can bring a rim nearer.
    edge = min(row, col, length - 1 - row, length - 1 - col)
    assert own >= min(edge, (side - 1) // 2 - -(-side // 4))


def test_tiles_of_a_single_labelled_pixel_have_it_in_their_middle():
    grid = WindowGrid(make([(1, 1)] * 3, 12), 16)
    assert grid.counts().tolist() == [1, 1, 1]
    places = grid.deepest(labelled(make([(1, 1)] * 3, 12)))
    assert (places.down == 8).all()
    assert (places.right == 8).all()


def test_chips_smaller_than_a_tile_are_refused():
    with pytest.raises(ValueError, match="24 pixels do not fit"):
        WindowGrid(make([(40, 40), (3, 40)], 10), 24)
