from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.folds import buffered_training, spatial_folds
from hsicnn.core.data.nearest import nearest_distance
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


@pytest.mark.parametrize("k", [3, 5])
@pytest.mark.parametrize("seed", [1, 2])
def test_folds_that_mind_the_buffer_lose_little_to_it_and_lie_farther_apart(k, seed):
    labels = field_map(size=96, seed=seed)
    rows, cols, values = labels.rows, labels.cols, labels.values

    def lost_and_near(folds):
        lost, near = [], []
        for fold in range(k):
            test, training = folds == fold, buffered_training(folds, fold, rows, cols, 4)
            others = rows[~test], cols[~test]
            lost.append(1 - training.sum() / (~test).sum())
            near.append((nearest_distance(rows[test], cols[test], *others, 8) <= 8).mean())
        return np.mean(lost), np.mean(near)

    blind = spatial_folds(rows, cols, values, k, 8, seed)
    minded = spatial_folds(rows, cols, values, k, 8, seed, 4)
    (lost, near), (less, fewer) = lost_and_near(blind), lost_and_near(minded)
    assert less < 0.6 * lost
    assert fewer < near - 0.1
    for fold in range(k):
        assert (minded == fold).mean() == pytest.approx(1 / k, rel=0.35)
        assert set(values[minded == fold]) == set(values[blind == fold])


def test_a_class_keeps_training_where_the_buffer_would_take_it():
    """Of class 2 there are two patches; with their blocks in neighbouring folds both are lost."""
    rows, cols = (axis.ravel() for axis in np.mgrid[:8, :32])
    values = np.ones(len(rows), int)
    values[(rows < 2) & np.isin(cols, (7, 8))] = 2
    values[(rows > 5) & np.isin(cols, (2, 29))] = 2
    folds = spatial_folds(rows, cols, values, 2, 8, 1, 3)
    for fold in (0, 1):
        training = buffered_training(folds, fold, rows, cols, 3)
        assert set(values[training]) == {1, 2}
        assert set(values[folds == fold]) == {1, 2}


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
