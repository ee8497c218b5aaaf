from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.chip_plan import ChipRules, plan_chips
from hsicnn.core.errors import Cancelled
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.windows import clip, grow
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import Said

HEIGHT, WIDTH = 50, 70

places = st.lists(
    st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1)),
    min_size=1,
    max_size=60,
    unique=True,
)


def plan(where, chip_size=20, halo=3, **more):
    rows, cols = np.array(where).T
    rules = ChipRules(HEIGHT, WIDTH, chip_size, halo, **more)
    cut = plan_chips(rows, cols, rules, SilentProgress())
    return rows, cols, [*cut.chips, *cut.windows]


@settings(max_examples=60)
@given(places, st.integers(1, 30), st.integers(0, 8))
def test_every_label_is_in_one_chip_and_the_box_is_tight(where, chip_size, halo):
    rows, cols, chips = plan(where, chip_size, halo)
    members = np.concatenate([chip.members for chip in chips])
    assert sorted(members) == list(range(len(where)))
    for chip in chips:
        own_rows, own_cols = rows[chip.members], cols[chip.members]
        assert (own_rows.min(), own_cols.min()) == (chip.box.row, chip.box.col)
        assert own_rows.max() - own_rows.min() + 1 == chip.box.height <= chip_size
        assert own_cols.max() - own_cols.min() + 1 == chip.box.width <= chip_size
        assert chip.window == clip(grow(chip.box, halo), HEIGHT, WIDTH)


@settings(max_examples=40)
@given(places, st.integers(0, 8))
def test_no_chip_could_be_cut_in_two_that_store_fewer_pixels(where, halo):
    rows, cols, chips = plan(where, 20, halo)
    for chip in chips:
        for line, axis in [*((row, rows) for row in rows), *((col, cols) for col in cols)]:
            before = axis[chip.members] <= line
            if before.all() or not before.any():
                continue
            stored = 0
            for half in (chip.members[before], chip.members[~before]):
                _, _, (part,) = plan_of(rows[half], cols[half], halo)
                stored += part.window.size
            assert stored >= chip.window.size


def plan_of(rows, cols, halo):
    """One chip around pixels, never divided."""
    rules = ChipRules(HEIGHT, WIDTH, 10**6, 10**3)
    cut = plan_chips(rows, cols, rules, SilentProgress())
    (whole,) = (*cut.chips, *cut.windows)
    window = clip(grow(whole.box, halo), HEIGHT, WIDTH)
    return rows, cols, (type(whole)(whole.box, window, whole.members),)


def test_far_labels_are_stored_apart():
    _, _, chips = plan([(0, 0), (19, 19)], 20, 1)
    assert len(chips) == 2
    assert sum(chip.window.size for chip in chips) == 4 + 9


def test_large_chips_are_divided_even_if_that_stores_more():
    full = [(row, col) for row in range(40) for col in range(40)]
    _, _, chips = plan(full, 40, 2, most_pixels=500)
    assert all(chip.window.size <= 500 for chip in chips)
    assert sum(len(chip.members) for chip in chips) == 1600


def test_planning_can_be_cancelled():
    with pytest.raises(Cancelled):
        plan_chips(np.arange(5), np.arange(5), ChipRules(9, 9, 1, 0), Said(cancel_after=2))


def cut_of(where, storage):
    rows, cols = np.array(where).T
    rules = ChipRules(HEIGHT, WIDTH, 20, 3, storage=storage)
    return rules, plan_chips(rows, cols, rules, SilentProgress())


def test_single_pixels_become_windows_and_others_chips():
    rules, cut = cut_of([(0, 0), (19, 19), (19, 18)], "geotiff")
    assert [len(chip.members) for chip in cut.chips] == [2]
    assert [chip.box for chip in cut.windows] == [(0, 0, 1, 1)]
    assert cut.window_count == 1
    # A window is whole, also at the edge of the raster, where fewer pixels are read.
    assert cut.pixels(rules) == cut.chips[0].window.size + 7 * 7
    assert cut.read_pixels == cut.chips[0].window.size + 4 * 4


def test_other_formats_take_every_pixel_as_a_window():
    rules, cut = cut_of([(0, 0), (19, 19), (19, 18)], "hdf5")
    assert not cut.chips
    assert cut.window_count == 3
    assert cut.pixels(rules) == 3 * 49
