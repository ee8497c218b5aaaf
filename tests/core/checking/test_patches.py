"""Labelled pixels that belong together, and what must be in one fold."""

from __future__ import annotations

import numpy as np
from hsicnn.core.checking import patches as room
from hsicnn.core.checking.patches import count_by_class, fold_groups, patches
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.data.labels import Labels
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage


def labels_of(codes: np.ndarray, groups: np.ndarray | None = None) -> Labels:
    rows, cols = np.nonzero(codes)
    classes = tuple(ClassInfo(k, f"class {k}", "#000000") for k in range(1, codes.max() + 1))
    own = np.zeros(len(rows), np.int32) if groups is None else groups[rows, cols]
    values = codes[rows, cols].astype(np.uint16)
    return Labels(rows.astype(np.int32), cols.astype(np.int32), values, classes, own)


def random_map(seed: int, height: int, width: int, empty: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    codes = np.kron(random.integers(1, 4, (-(-height // 2), -(-width // 2))), np.ones((2, 2), int))[
        :height, :width
    ]
    codes[random.random(codes.shape) < empty / 10] = 0
    codes[0, 0] = 1
    return codes


@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(1, 20), st.integers(0, 9))
def test_patches_of_a_raster_are_those_of_scipy(seed, height, width, empty):
    codes = random_map(seed, height, width, empty)
    labels = labels_of(codes)
    found = patches(labels)
    expected = np.zeros(codes.shape, np.int64)
    for code in np.unique(codes[codes > 0]):
        own, _ = ndimage.label(codes == code, np.ones((3, 3)))
        expected[own > 0] = own[own > 0] + expected.max()
    expected = expected[labels.rows, labels.cols]
    # The same division under other numbers.
    pairs = set(zip(found.tolist(), expected.tolist()))
    assert len(pairs) == len(set(found.tolist())) == len(set(expected.tolist()))
    counts = count_by_class(found, labels.values, 3)
    for place in range(3):
        assert counts[place] == len(set(found[labels.values == place + 1].tolist()))


def test_polygons_are_patches_of_a_class():
    codes = np.array([[1, 1, 2, 2], [1, 1, 2, 2]])
    groups = np.array([[1, 1, 1, 3], [1, 2, 1, 3]], np.int32)
    found = patches(labels_of(codes, groups)).reshape(2, 4)
    assert len(np.unique(found)) == 4
    assert found[0, 0] == found[0, 1] == found[1, 0]
    assert found[0, 2] == found[1, 2] != found[0, 0]


def test_very_many_labels_are_divided_by_squares(monkeypatch):
    monkeypatch.setattr(room, "MOST_JOINED", 10)
    codes = np.ones((32, 48), int)
    found = patches(labels_of(codes)).reshape(codes.shape)
    assert len(np.unique(found)) == 6
    assert len(np.unique(found[:16, :16])) == 1


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_no_fold_needs_more_than_its_share_of_a_class(seed, folds):
    codes = random_map(seed, 24, 24, 3)
    labels = labels_of(codes)
    own = patches(labels)
    values = labels.values.astype(np.int64)
    groups = fold_groups(own, values, labels.rows, labels.cols, folds)
    pairs = set(zip(groups.tolist(), own.tolist()))
    assert len(pairs) == groups.max() + 1  # a group is of one patch
    for value in np.unique(values):
        sizes = np.bincount(groups[values == value])
        assert sizes.max() <= -(-(values == value).sum() // folds)


def test_a_patch_that_is_small_enough_stays_whole():
    codes = np.zeros((40, 40), int)
    for place in range(10):
        codes[4 * place : 4 * place + 3, 5:8] = 1
    codes[:, 20:30] = 2
    labels = labels_of(codes)
    own = patches(labels)
    groups = fold_groups(own, labels.values.astype(np.int64), labels.rows, labels.cols, 5)
    of = labels.values
    assert len(np.unique(groups[of == 1])) == 10
    assert len(np.unique(groups[of == 2])) == 5
    # Strips across the longer side: each covers 8 of the 40 rows.
    for group in np.unique(groups[of == 2]):
        assert np.ptp(labels.rows[groups == group]) == 7
