from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hsicnn.core.data.classes import make_classes
from hsicnn.core.data.labels import Labels
from hsicnn.core.data.tiles import candidates
from hsicnn.core.data.tiles.candidates import find_candidates
from hsicnn.core.data.tiles.label_index import LabelIndex
from hsicnn.core.data.tiles.settings import TileSettings
from hsicnn.core.errors import Cancelled, InputError
from hypothesis import given, settings
from hypothesis import strategies as st

from ..conftest import Said, make_grid


def labels_at(rows, cols):
    """Labels of one class, in row-major order."""
    order = np.lexsort((cols, rows))
    count = len(rows)
    return Labels(
        np.asarray(rows, dtype=np.int32)[order],
        np.asarray(cols, dtype=np.int32)[order],
        np.ones(count, dtype=np.uint16),
        make_classes([1], ["a"], [], values=["1"]),
        np.zeros(count, dtype=np.int32),
    )


def found(labels, height, width, size, step, progress=None):
    chosen = TileSettings(kind="tiles", tile_size=size, stride=step, min_labelled=0.0)
    grid = make_grid(height, width)
    index = LabelIndex(labels, width)
    return find_candidates(index, grid, chosen, seed=0, mask=None, progress=progress or Said())


def starts(length, size, step):
    own = list(range(0, length - size + 1, step))
    return own if own[-1] == length - size else [*own, length - size]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(st.integers(9, 30), st.integers(9, 30)),
    st.integers(2, 9),
    st.integers(1, 12),
    st.integers(1, 30),
    st.tuples(st.integers(2, 200), st.integers(1, 20)),
)
def test_tiles_are_those_that_hold_a_label(seed, shape, size, step, count, limits):
    random = np.random.default_rng(seed)
    places = random.choice(shape[0] * shape[1], min(count, shape[0] * shape[1]), replace=False)
    rows, cols = np.divmod(places, shape[1])
    expected = [
        (top, left)
        for top, left in itertools.product(
            starts(shape[0], size, step), starts(shape[1], size, step)
        )
        if ((rows >= top) & (rows < top + size) & (cols >= left) & (cols < left + size)).any()
    ]
    if not expected:
        return
    before = candidates._CELLS, candidates._LABELS
    candidates._CELLS, candidates._LABELS = limits
    try:
        tiles = found(labels_at(rows, cols), *shape, size, step)
    finally:
        candidates._CELLS, candidates._LABELS = before
    assert list(zip(tiles.rows.tolist(), tiles.cols.tolist())) == expected


def test_a_small_stride_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(candidates, "_MOST", 20_000)
    rows, cols = np.divmod(np.arange(500 * 500), 500)
    started = time.perf_counter()
    with pytest.raises(
        InputError, match=r"more than 20,000 tiles of 256 pixels every 1\. .*STRIDE"
    ):
        found(labels_at(rows, cols), 500, 500, 256, 1)
    assert time.perf_counter() - started < 5  # label by label it takes minutes


def test_looking_for_tiles_can_be_cancelled(monkeypatch):
    monkeypatch.setattr(candidates, "_CELLS", 1000)
    monkeypatch.setattr(candidates, "_with_labels", lambda *_: pytest.fail("went on"))
    rows, cols = np.divmod(np.arange(100 * 100), 100)
    with pytest.raises(Cancelled):
        found(labels_at(rows, cols), 100, 100, 32, 1, Said(cancel_after=3))


def test_a_slow_mask_can_be_cancelled():
    class Slow:
        asked = 0

        def holds(self, window):
            self.asked += 1
            time.sleep(0.03)
            return True

    rows, cols = np.divmod(np.arange(60 * 60), 60)
    labels, slow = labels_at(rows, cols), Slow()
    chosen = TileSettings(kind="tiles", tile_size=8, stride=2, min_labelled=0.0)
    index, said = LabelIndex(labels, 60), Said(cancel_after=4)
    with pytest.raises(Cancelled):
        find_candidates(index, make_grid(60, 60), chosen, seed=0, mask=slow, progress=said)
    assert 0 < slow.asked < 40  # of 729


def test_progress_never_goes_back():
    rows, cols = np.divmod(np.arange(60 * 60), 60)
    said = Said()
    found(labels_at(rows, cols), 60, 60, 16, 4, said)
    assert said.fractions == sorted(said.fractions)
    assert said.fractions[-1] == 1.0
