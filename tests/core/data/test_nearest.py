"""Nearest pixels: the map and the tree tell the same."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data import nearest
from hsicnn.core.data.nearest import nearest_distance, nearest_index
from hypothesis import given, settings
from hypothesis import strategies as st


def drawn(seed, points, others, side=40):
    places = np.random.default_rng(seed).permutation(side * side)[: points + others]
    rows, cols = np.divmod(places + 5 * side, side)
    return rows[:points], cols[:points] + 7, rows[points:], cols[points:] + 7


@pytest.fixture
def by_map(monkeypatch):
    monkeypatch.setattr(nearest, "_FEW", 0)
    monkeypatch.setattr(nearest, "_SPARSE", 10**9)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60), st.sampled_from([3, np.inf]))
def test_distances_are_those_of_brute_force(seed, points, others, limit):
    rows, cols, far_rows, far_cols = drawn(seed, points, others)
    down = np.abs(rows[:, None] - far_rows[None])
    expected = np.maximum(down, np.abs(cols[:, None] - far_cols[None])).min(axis=1).astype(float)
    expected[expected > limit] = np.inf
    with pytest.MonkeyPatch.context() as patch:
        for few in (10**9, 0):
            patch.setattr(nearest, "_FEW", few)
            patch.setattr(nearest, "_SPARSE", 10**9)
            found = nearest_distance(rows, cols, far_rows, far_cols, limit)
            np.testing.assert_array_equal(found, expected)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60))
def test_the_nearest_is_a_nearest(seed, points, others):
    rows, cols, far_rows, far_cols = drawn(seed, points, others)
    squares = (rows[:, None] - far_rows[None]) ** 2 + (cols[:, None] - far_cols[None]) ** 2
    with pytest.MonkeyPatch.context() as patch:
        for few in (10**9, 0):
            patch.setattr(nearest, "_FEW", few)
            patch.setattr(nearest, "_SPARSE", 10**9)
            found = nearest_index(rows, cols, far_rows, far_cols)
            np.testing.assert_array_equal(squares[np.arange(points), found], squares.min(axis=1))


def test_nothing_near_and_nothing_asked(by_map):
    some, none = np.array([1, 2]), np.zeros(0, dtype=int)
    assert nearest_distance(some, some, none, none, 5).tolist() == [np.inf, np.inf]
    assert nearest_distance(none, none, some, some, 5).tolist() == []
    assert nearest_index(none, none, some, some).tolist() == []


def test_scattered_pixels_take_the_tree(monkeypatch):
    """A map around them would be larger than memory."""
    monkeypatch.setattr(nearest, "_FEW", 0)
    rows = np.array([0, 10**6], dtype=np.int32)
    other = np.array([5, 10**6 - 3], dtype=np.int32)
    assert nearest_distance(rows, rows, other, other).tolist() == [5, 3]
