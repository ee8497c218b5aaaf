from __future__ import annotations

import numpy as np
from hsicnn.core.splitting.patches import patches_as_groups
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from ..data.test_splits import labels_of


@settings(max_examples=60)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 3), st.integers(0, 10**6))
def test_patches_are_the_connected_components_of_each_class(height, width, classes, seed):
    full = np.random.default_rng(seed).integers(0, classes + 1, (height, width))
    rows, cols = np.nonzero(full)
    found = patches_as_groups(labels_of(rows, cols, full[rows, cols])).groups
    expected = np.zeros_like(full)
    last = 0
    for value in range(1, classes + 1):
        own, count = label(full == value)
        expected[own > 0] = own[own > 0] + last
        last += count
    pairs = {*zip(found.tolist(), expected[rows, cols].tolist())}
    assert len(pairs) == last
    assert {one for one, _ in pairs} == set(range(1, last + 1))


def test_the_end_of_a_row_does_not_touch_the_next():
    labels = labels_of([0, 1], [4, 0], [1, 1])
    assert len(set(patches_as_groups(labels).groups)) == 2
