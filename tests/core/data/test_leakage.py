from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.leakage import (
    leak_by_radius,
    leak_figures,
    location_only,
    location_only_score,
    location_tells,
    majority_score,
)
from hsicnn.core.data.splits import TEST, TRAIN, Split, split_random
from hypothesis import given, settings
from hypothesis import strategies as st

from .test_splits import labels_of, raster_labels

places = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=60, unique=True
)


def split_of(codes):
    codes = np.asarray(codes, dtype=np.uint8)
    return Split(codes, np.zeros(len(codes), np.int32), "random", 0, 0, 1)


@settings(max_examples=50)
@given(places, st.integers(0, 5), st.randoms(use_true_random=False))
def test_leak_equals_patches_laid_out_one_by_one(where, radius, random):
    rows, cols = np.array(where).T
    codes = np.array([random.choice([0, TRAIN, 2, TEST]) for _ in where])
    leak = leak_figures(split_of(codes), rows, cols, radius)
    side = 60
    covered = np.zeros((side, side), dtype=bool)
    for row, col in zip(rows[codes == TRAIN] + 10, cols[codes == TRAIN] + 10):
        covered[row - radius : row + radius + 1, col - radius : col + radius + 1] = True
    inside, touching = [], []
    for row, col in zip(rows[codes == TEST] + 10, cols[codes == TEST] + 10):
        inside.append(covered[row, col])
        patch = covered[row - radius : row + radius + 1, col - radius : col + radius + 1]
        touching.append(patch.any())
    assert leak.test_centres_inside == pytest.approx(np.mean(inside) if inside else 0)
    assert leak.test_patches_touching == pytest.approx(np.mean(touching) if touching else 0)


@settings(max_examples=30)
@given(places, st.randoms(use_true_random=False))
def test_location_only_is_the_label_of_a_nearest_training_pixel(where, random):
    rows, cols = np.array(where).T
    values = np.array([random.randint(1, 3) for _ in where])
    half = len(where) // 2
    found = location_only(rows[:half], cols[:half], values[:half], rows[half:], cols[half:])
    for row, col, value in zip(rows[half:], cols[half:], found):
        distance = (rows[:half] - row) ** 2 + (cols[:half] - col) ** 2
        assert value in values[:half][distance == distance.min()]


def test_several_radii_are_those_one_by_one():
    rows, cols = np.arange(30), np.arange(30) % 7
    split = split_of([TRAIN, TEST, 0] * 10)
    assert leak_by_radius(split, rows, cols, [0, 2, 5]) == tuple(
        leak_figures(split, rows, cols, radius) for radius in (0, 2, 5)
    )


def test_score_needs_training_and_test_pixels():
    rows = cols = values = np.arange(3)
    assert location_only_score(split_of([TRAIN] * 3), rows, cols, values) is None
    assert location_only_score(split_of([TEST] * 3), rows, cols, values) is None


def test_random_ten_per_cent_of_indian_pines_is_known_from_location(test_data):
    labels = raster_labels(test_data / "indian_pines" / "indian_pines_gt_georef.tif")
    labels = labels_of(labels.rows, labels.cols, labels.values)
    split = split_random(labels, train_fraction=0.1, validation_fraction=0.0, seed=1)
    score = location_only_score(split, labels.rows, labels.cols, labels.values)
    assert 0.97 <= score <= 0.985


def test_without_pixels_to_predict_location_predicts_none():
    none = np.zeros(0, dtype=np.int32)
    some = np.arange(3)
    found = location_only(some, some, np.uint16([1, 2, 3]), none, none)
    assert found.shape == (0,)
    assert found.dtype == np.uint16


def test_location_tells_only_beyond_the_most_frequent_class():
    values = np.array([1, 1, 2, 1, 1, 1, 2])
    split = split_of([TRAIN, TRAIN, TRAIN, TEST, TEST, TEST, TEST])
    assert majority_score(split, values) == 0.75
    assert majority_score(split_of([TRAIN] * 7), values) is None
    assert location_tells(0.9, 0.84)
    assert location_tells(0.9, None)
    assert not location_tells(0.96, 0.92)
    assert not location_tells(0.89, 0.2)
    assert not location_tells(None, None)
