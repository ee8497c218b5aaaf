"""How far labels resemble their neighbours, on maps of which that is known."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.errors import Cancelled
from hsicnn.core.splitting import autocorrelation as module
from hsicnn.core.splitting.autocorrelation import autocorrelation
from hsicnn.core.splitting.block_size import USUAL, choose_block_size

from ..data.conftest import Said
from ..data.test_splits import field_map, labels_of, raster_labels


def scattered(size, patch, points, seed=0):
    """Points on a map of square fields."""
    full = field_map(size, 16, patch, seed)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(full))[:points])
    return full.keep(np.isin(np.arange(len(full)), chosen))


@pytest.mark.parametrize("patch", [3, 6, 10, 20, 40])
@pytest.mark.parametrize("seed", [0, 1])
def test_on_square_fields_the_range_is_their_side(patch, seed):
    found = autocorrelation(field_map(400, 16, patch, seed), 1, Said())
    assert found.reached
    # Reached is 95 per cent of the sill, and the variogram rises linearly up to the side.
    assert found.range == pytest.approx(patch, rel=0.12)
    assert found.sill == pytest.approx(15 / 16, abs=0.03)


@pytest.mark.parametrize("patch", [10, 25, 50])
def test_scattered_points_tell_the_same(patch):
    labels = scattered(1000, patch, 5000)
    assert len(labels) == 5000
    assert autocorrelation(labels, 1, Said()).range == pytest.approx(patch, rel=0.15)


def test_the_variogram_is_the_share_of_pairs_that_differ():
    labels = field_map(48, 3, 5)
    full = np.zeros((50, 50), dtype=int)
    full[labels.rows, labels.cols] = labels.values
    found = autocorrelation(labels, 1, Said())  # few pixels: all pairs along the axes
    for lag, share in zip(found.lags.astype(int), found.different):
        pairs = [
            (full[:45, : 45 - lag], full[:45, lag:45]),
            (full[: 45 - lag, :45], full[lag:45, :45]),
        ]
        differ = sum(int((one != other).sum()) for one, other in pairs)
        assert share == pytest.approx(differ / sum(one.size for one, _ in pairs))


def test_gaps_between_fields_are_no_pairs():
    """Fields of 8 pixels that lie 12 apart: what is not labelled is neither like nor unlike."""
    small = np.random.default_rng(2).integers(1, 9, (30, 30))
    full = np.zeros((360, 360), dtype=int)
    for row, col in np.ndindex(30, 30):
        full[12 * row : 12 * row + 8, 12 * col : 12 * col + 8] = small[row, col]
    rows, cols = np.nonzero(full)
    found = autocorrelation(labels_of(rows, cols, full[rows, cols]), 1, Said())
    assert 4 < found.range < 12


def test_the_seed_decides(monkeypatch):
    monkeypatch.setattr(module, "_SAMPLES", 500)
    labels = field_map(200, 6, 10)
    one, again, other = (autocorrelation(labels, seed, Said()).different for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_one_class_and_few_pixels_tell_nothing():
    alone = autocorrelation(field_map(48, 1, 6), 1, Said())
    assert (alone.range, alone.sill, alone.reached) == (None, 0.0, False)
    few = autocorrelation(labels_of([0, 3], [0, 9], [1, 2]), 1, Said())
    assert few.range is None


def test_labels_that_are_alike_up_to_half_the_scene_say_so():
    rows, cols = (places.ravel() for places in np.indices((60, 60)))
    labels = labels_of(rows, cols, (rows >= 45) + 1)
    found = autocorrelation(labels, 1, Said())
    assert (found.range, found.reached) == (30.0, False)
    chosen = choose_block_size(labels, buffer=0, parts=3, seed=1, progress=Said())
    assert "over the whole scene (30 pixels)" in chosen.reason
    assert chosen.pixels < 30


def test_it_can_be_cancelled():
    with pytest.raises(Cancelled):
        autocorrelation(field_map(), 1, Said(cancel_after=3))


@pytest.mark.parametrize(("patch", "buffer", "expected"), [(20, 4, 20), (6, 0, 6), (6, 4, 16)])
def test_blocks_are_as_large_as_labels_resemble_each_other(patch, buffer, expected):
    labels = field_map(240, 8, patch)
    chosen = choose_block_size(labels, buffer=buffer, parts=3, seed=1, progress=Said())
    assert chosen.pixels == pytest.approx(expected, abs=2)
    assert f"BLOCK_SIZE is {chosen.pixels} pixels" in chosen.reason
    if expected == 16:
        assert "4 times the buffer" in chosen.reason


def test_blocks_get_smaller_where_there_would_be_too_few():
    labels = field_map(120, 8, 40)
    chosen = choose_block_size(labels, buffer=2, parts=3, seed=1, progress=Said())
    assert len({*zip(labels.rows // chosen.pixels, labels.cols // chosen.pixels)}) >= 21
    assert chosen.pixels < chosen.found.range
    assert "larger ones would be fewer than 21" in chosen.reason


def test_blocks_get_smaller_where_a_class_would_lie_in_too_few():
    labels = field_map(240, 8, 30)
    rare = (labels.rows % 120 < 3) & (labels.cols < 60) & (labels.cols % 20 < 2)
    values = np.where(rare, 9, labels.values)
    rare_labels = labels_of(labels.rows, labels.cols, values)
    chosen = choose_block_size(rare_labels, buffer=4, parts=5, seed=1, progress=Said())
    own = values == 9
    blocks = {*zip(labels.rows[own] // chosen.pixels, labels.cols[own] // chosen.pixels)}
    assert len(blocks) >= 5
    assert "leave a class in fewer than 5" in chosen.reason


def test_where_the_labels_tell_nothing_the_usual_size_is_taken():
    chosen = choose_block_size(field_map(48, 1, 6), buffer=0, parts=3, seed=1, progress=Said())
    assert chosen.pixels == USUAL
    assert "too few" in chosen.reason


def test_of_many_labels_a_sample_tells_the_same(monkeypatch):
    from hsicnn.core.splitting import block_size

    labels = field_map(240, 8, 20)
    whole = choose_block_size(labels, buffer=4, parts=3, seed=1, progress=Said())
    monkeypatch.setattr(block_size, "_SAMPLE", 5000)
    assert choose_block_size(labels, buffer=4, parts=3, seed=1, progress=Said()).pixels == (
        whole.pixels
    )


def test_the_real_scenes(test_data):
    folder = test_data / "indian_pines"
    fields = raster_labels(folder / "indian_pines_gt_georef.tif")
    city = raster_labels(test_data / "enmap_potsdam" / "enmap_potsdam_gt.tif")
    assert autocorrelation(fields, 1, Said()).range == pytest.approx(32.5, abs=1)
    assert autocorrelation(city, 1, Said()).range == pytest.approx(27, abs=1)
