from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.accuracy.confusion import confusion_matrix, figures
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def drawn(seed: int, classes: int, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    reference = generator.integers(1, classes + 1, pixels)
    wrong = generator.random(pixels) < 0.4
    mapped = np.where(wrong, generator.integers(1, classes + 1, pixels), reference)
    return reference, mapped


@pytest.mark.parametrize(("seed", "classes"), [(0, 2), (1, 5), (2, 16)])
def test_same_as_scikit_learn(seed, classes):
    metrics = pytest.importorskip("sklearn.metrics")
    reference, mapped = drawn(seed, classes, 2000)
    labels = list(range(1, classes + 1))
    found = figures(confusion_matrix(reference, mapped, classes))
    assert np.array_equal(found.matrix, metrics.confusion_matrix(reference, mapped, labels=labels))
    assert found.overall == pytest.approx(metrics.accuracy_score(reference, mapped))
    assert found.average == pytest.approx(metrics.balanced_accuracy_score(reference, mapped))
    assert found.kappa == pytest.approx(metrics.cohen_kappa_score(reference, mapped))
    recall = metrics.recall_score(reference, mapped, labels=labels, average=None)
    precision = metrics.precision_score(reference, mapped, labels=labels, average=None)
    f1 = metrics.f1_score(reference, mapped, labels=labels, average=None)
    assert [item.producers_accuracy for item in found.classes] == pytest.approx(list(recall))
    assert [item.users_accuracy for item in found.classes] == pytest.approx(list(precision))
    assert [item.f1 for item in found.classes] == pytest.approx(list(f1))


def test_classes_missing_somewhere_have_no_figure_and_spoil_none():
    # 1 is in both, 2 only in the reference, 3 only in the map, 4 in neither
    found = figures(confusion_matrix(np.array([1, 1, 1, 2]), np.array([1, 1, 3, 1]), 4))
    one, two, three, four = found.classes
    assert one.producers_accuracy == pytest.approx(2 / 3)
    assert one.users_accuracy == pytest.approx(2 / 3)
    assert (two.producers_accuracy, two.users_accuracy, two.f1) == (0.0, None, 0.0)
    assert (three.producers_accuracy, three.users_accuracy, three.f1) == (None, 0.0, 0.0)
    assert (four.producers_accuracy, four.users_accuracy, four.f1) == (None, None, None)
    assert found.average == pytest.approx((2 / 3 + 0) / 2)
    assert found.overall == 0.5


def test_one_class_everywhere_has_no_kappa():
    found = figures(confusion_matrix(np.array([2, 2, 2]), np.array([2, 2, 2]), 2))
    assert found.kappa is None
    assert found.overall == 1.0


def test_no_pixel_no_figure():
    found = figures(np.zeros((3, 3), dtype=np.int64))
    assert (found.overall, found.average, found.kappa) == (None, None, None)


@pytest.mark.parametrize("mapped", [[0, 1], [1, 3], [1]])
def test_values_that_are_no_class_are_refused(mapped):
    with pytest.raises(ValueError, match=r"Classes|reference"):
        confusion_matrix(np.array([1, 2]), np.array(mapped), 2)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 200))
def test_matrix_keeps_every_pixel(seed, classes, pixels):
    reference, mapped = drawn(seed, classes, pixels)
    found = figures(confusion_matrix(reference, mapped, classes))
    assert found.matrix.sum() == pixels
    assert sum(item.reference for item in found.classes) == pixels
    assert sum(item.mapped for item in found.classes) == pixels
    assert found.overall == pytest.approx((reference == mapped).mean())
