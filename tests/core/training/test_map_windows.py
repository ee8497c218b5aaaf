"""Windows of what a map sees: aligned with the raster, inside their chips, complete."""

from __future__ import annotations

import numpy as np
from hsicnn.core.data.pixel_loading import Rectangles
from hsicnn.core.training.map_windows import Looks, MapWindows
from hypothesis import given
from hypothesis import strategies as st

depths = st.sampled_from([(9, 2), (23, 4), (51, 8)])


@given(
    depths,
    st.integers(0, 40),
    st.integers(4, 20),
    st.lists(
        st.tuples(*[st.integers(1, 90)] * 2, *[st.integers(0, 50)] * 2), min_size=1, max_size=4
    ),
)
def test_windows_are_aligned_and_inside_and_whole_where_the_halo_holds_it(
    looking, halo, tiles, boxes
):
    """Boxes are height, width, row and column of the labelled part of a chip."""
    margin, multiple = looking
    looks = Looks(tiles * multiple, margin, multiple)
    height, width, top, left = np.array(boxes).T
    height, width = height + 2 * halo, width + 2 * halo
    start = np.concatenate([[0], np.cumsum(height * width)])[:-1]
    windows = MapWindows(Rectangles(start, height, width, halo), looks)
    for chip in range(len(boxes)):
        down, right = np.mgrid[halo : height[chip] - halo, halo : width[chip] - halo]
        down, right = down.ravel(), right.ravel()
        row, col = top[chip] - halo + down, left[chip] - halo + right
        found = windows.places(start[chip] + down * width[chip] + right, row, col)
        some = found.side > 0
        assert found.whole[~some].sum() == 0
        assert ((row - found.down)[some] % multiple == 0).all()
        assert ((col - found.right)[some] % multiple == 0).all()
        assert (found.side % multiple == 0).all()
        assert (found.side <= looks.most).all()
        first = found.index - start[chip]
        begins = first // width[chip], first % width[chip]
        for place, begin, within, length in (
            (down, begins[0], found.down, height[chip]),
            (right, begins[1], found.right, width[chip]),
        ):
            assert (begin >= 0)[some].all()
            assert (begin + found.side <= length)[some].all()
            np.testing.assert_array_equal((begin + within)[some], place[some])
            assert ((within >= 0) & (within < found.side))[some].all()
            far = (within >= margin) & (within < found.side - margin)
            assert far[found.whole].all()
        if halo >= looks.halo:
            assert found.whole.all()
