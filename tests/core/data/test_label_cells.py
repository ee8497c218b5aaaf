"""Single pixels of an image are read cell by cell."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data import label_cells
from hsicnn.core.data.label_cells import cells, read_spectra
from hsicnn.core.errors import Cancelled
from hsicnn.core.raster.windows import Window
from hypothesis import given
from hypothesis import strategies as st

from .conftest import Said


@given(st.integers(0, 1000), st.integers(0, 200), st.integers(1, 40), st.integers(1, 40))
def test_cells_hold_every_pixel_once(seed, count, height, width):
    random = np.random.default_rng(seed)
    rows, cols = random.integers(0, 100, (2, count))
    found = cells(rows, cols, height, width)
    assert sorted(np.concatenate([*found, []]).tolist()) == list(range(count))
    keys = [
        set(zip((rows[own] // height).tolist(), (cols[own] // width).tolist())) for own in found
    ]
    assert all(len(key) == 1 for key in keys)
    assert len({key for own in keys for key in own}) == len(found)


@pytest.mark.parametrize("bytes_", [1, 2000, 1 << 25])
def test_spectra_are_those_of_the_pixels(scene, monkeypatch, bytes_):
    monkeypatch.setattr(label_cells, "_BYTES", bytes_)
    random = np.random.default_rng(0)
    rows, cols = random.integers(0, 60, 300), random.integers(0, 50, 300)
    said = Said()
    with scene.source() as source:
        found = read_spectra(source, [2, 0], rows, cols, said)
        whole = source.read(Window(0, 0, 60, 50), [2, 0])
    expected = whole.values[:, rows, cols].T.copy()
    expected[~whole.valid[rows, cols]] = np.nan
    np.testing.assert_array_equal(found, expected)
    assert np.isnan(found).any()
    assert said.fractions[-1] == 1.0


def test_nothing_to_read_and_cancelling(scene):
    with scene.source() as source:
        none = np.zeros(0, np.int64)
        assert read_spectra(source, [0], none, none, Said()).shape == (0, 1)
        with pytest.raises(Cancelled):
            read_spectra(source, [0], np.arange(9), np.arange(9), Said(cancel_after=0))
