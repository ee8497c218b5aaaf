from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.folds import buffered_training, spatial_folds
from hsicnn.core.data.splits import block_ids
from hsicnn.core.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st

from .test_splits import field_map, raster_labels


@settings(max_examples=20)
@given(st.integers(2, 6), st.integers(0, 1000))
def test_folds_hold_whole_blocks_and_every_class(k, seed):
    labels = field_map(seed=seed % 20)
    folds = spatial_folds(labels.rows, labels.cols, labels.values, k, 16, seed)
    assert set(folds) == set(range(k))
    blocks = labels.rows // 16 * 100 + labels.cols // 16
    assert all(len(np.unique(folds[blocks == block])) == 1 for block in np.unique(blocks))
    for value in np.unique(labels.values):
        if len(np.unique(blocks[labels.values == value])) >= 2 * k:
            assert set(folds[labels.values == value]) == set(range(k))


@settings(max_examples=12)
@given(st.integers(0, 8), st.integers(0, 3))
def test_training_pixels_of_a_fold_are_those_more_than_the_buffer_away(buffer, fold):
    labels = field_map(size=48)
    rows, cols = labels.rows, labels.cols
    folds = spatial_folds(rows, cols, labels.values, 4, 12, 1)
    allowed = buffered_training(folds, fold, rows, cols, buffer).reshape(48, 48)
    tested = (folds == fold).reshape(48, 48)
    padded = np.pad(tested, buffer)
    near = np.zeros_like(tested)
    for down in range(2 * buffer + 1):
        for right in range(2 * buffer + 1):
            near |= padded[down : down + 48, right : right + 48]
    np.testing.assert_array_equal(allowed, ~near)


def test_folds_are_decided_by_the_seed():
    labels = field_map()
    arguments = (labels.rows, labels.cols, labels.values, 4, 16)
    np.testing.assert_array_equal(spatial_folds(*arguments, 7), spatial_folds(*arguments, 7))
    assert (spatial_folds(*arguments, 7) != spatial_folds(*arguments, 8)).any()


@pytest.mark.parametrize("k", [1, 0, 50])
def test_folds_that_cannot_be_are_refused(k):
    labels = field_map()
    with pytest.raises(InputError, match="blocks"):
        spatial_folds(labels.rows, labels.cols, labels.values, k, 16, 1)


def test_four_folds_of_the_enmap_scene_hold_every_class(test_data):
    labels = raster_labels(test_data / "enmap_potsdam" / "enmap_potsdam_gt.tif")
    folds = spatial_folds(labels.rows, labels.cols, labels.values, 4, 16, 1)
    for fold in range(4):
        assert set(labels.values[folds == fold]) == {1, 2, 3, 4, 5, 6}
        assert (folds == fold).mean() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(("buffer", "share"), [(4, 0.75), (8, 0.51), (12, 0.35)])
def test_buffer_around_blocks_drawn_at_random_keeps_what_was_measured(test_data, buffer, share):
    labels = raster_labels(test_data / "enmap_potsdam" / "enmap_potsdam_gt.tif")
    ids, member = np.unique(block_ids(labels.rows, labels.cols, 16), return_inverse=True)
    random = np.random.default_rng(0)
    kept = []
    for _ in range(40):
        folds = (random.permutation(len(ids)) // (len(ids) // 4))[member]
        allowed = buffered_training(folds, 0, labels.rows, labels.cols, buffer)
        kept.append(allowed.sum() / (folds != 0).sum())
    assert np.mean(kept) == pytest.approx(share, abs=0.04)
