"""Blocks cover a zone once, and end with the file's tiles."""

from __future__ import annotations

import numpy as np
from hsicnn.core.inference.blocks import SMALL, FileTiles, blocks
from hsicnn.core.raster.windows import Window
from hypothesis import given, settings
from hypothesis import strategies as st

SIDES = st.integers(1, 90)


@settings(deadline=None)
@given(
    place=st.tuples(st.integers(0, 40), st.integers(0, 40)),
    size=st.tuples(SIDES, SIDES),
    file=st.builds(FileTiles, SIDES, SIDES, st.integers(0, 50), st.integers(0, 50)),
    rows=SIDES,
    cols=SIDES,
    radius=st.integers(0, 5),
)
def test_blocks_cover_a_zone_once(place, size, file, rows, cols, radius):
    times = np.zeros(size, np.int64)
    for block in blocks(Window(*place, *size), file, rows, cols, radius):
        assert block.height <= rows + rows // 8
        assert block.width <= cols + cols // 8
        times[block.rows, block.cols] += 1
    assert (times == 1).all()


def test_blocks_end_a_radius_before_the_files_tiles():
    file = FileTiles(64, 32, first_row=10, first_col=5)
    found = list(blocks(Window(100, 200, 300, 118), file, 64, 32, 4))
    ends = {10 + 100 + block.row + block.height + 4 for block in found}
    assert sorted(ends) == [128, 192, 256, 320, 384, 414]  # the last one is the zone's own end
    ends = {5 + 200 + block.col + block.width + 4 for block in found}
    assert sorted(ends) == [224, 256, 288, 308, 327]  # no sliver behind 320: two halves


def test_all_blocks_of_a_tile_come_one_after_the_other():
    found = list(blocks(Window(0, 0, 128, 128), FileTiles(64, 64), 16, 16, 0))
    tiles = [(block.row // 64, block.col // 64) for block in found]
    assert tiles == sorted(tiles)
    assert len(found) == 64


def test_small_tiles_do_not_decide():
    file = FileTiles(1, 1000)
    assert SMALL * file.rows <= 100
    found = list(blocks(Window(0, 0, 250, 1000), file, 100, 1000, 4))
    assert [block.height for block in found] == [84, 84, 82]
