from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.accuracy.baselines import location_only_accuracy


def test_nearest_training_pixel_decides():
    rows, cols = np.array([0, 0, 0, 9, 9]), np.array([0, 1, 2, 9, 8])
    values = np.array([1, 1, 2, 2, 2])
    training = np.array([True, False, False, True, False])
    assessed = ~training
    # (0,1) is 1 and nearest to a 1: right; (0,2) is 2, nearest to a 1: wrong; (9,8): right
    assert location_only_accuracy(rows, cols, values, training, assessed) == pytest.approx(2 / 3)


def test_training_pixels_do_not_score_for_themselves():
    rows = cols = np.array([0, 5])
    values, training = np.array([1, 2]), np.array([True, False])
    everything = np.ones(2, dtype=bool)
    assert location_only_accuracy(rows, cols, values, training, everything) == 0.0


def test_nothing_to_compare_gives_none():
    rows = cols = values = np.array([1, 2])
    nothing, everything = np.zeros(2, dtype=bool), np.ones(2, dtype=bool)
    assert location_only_accuracy(rows, cols, values, nothing, everything) is None
    assert location_only_accuracy(rows, cols, values, everything, everything) is None
