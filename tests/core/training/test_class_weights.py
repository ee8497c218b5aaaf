from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.errors import InputError
from hsicnn.core.training.class_weights import class_weights, given_weights
from hsicnn.core.training.settings import TrainingSettings

CLASSES = (
    ClassInfo(1, "Water", "#0000ff"),
    ClassInfo(7, "roof, tiled", "#ff0000"),
    ClassInfo(12, "1", "#00ff00"),
    ClassInfo(20, "a=b", "#00ffff"),
)
COUNTS = np.array([10, 1000, 0, 90])


def weights(kind: str, counts=COUNTS, given: str = "") -> np.ndarray:
    return class_weights(TrainingSettings(class_weights=kind, given_weights=given), counts, CLASSES)


@pytest.mark.parametrize("kind", ["none", "sqrt", "inverse", "given"])
def test_weights_average_to_one_over_the_pixels(kind):
    found = weights(kind, given="20=3")
    assert found[2] == 0
    assert (found * COUNTS).sum() / COUNTS.sum() == pytest.approx(1)


def test_inverse_weights_give_every_class_the_same_say():
    says = weights("inverse")[[0, 1, 3]] * COUNTS[[0, 1, 3]]
    np.testing.assert_allclose(says, says[0], rtol=1e-5)


def test_sqrt_lies_between():
    np.testing.assert_allclose(
        weights("sqrt")[0] / weights("sqrt")[1], np.sqrt(1000 / 10), rtol=1e-5
    )


def test_median_frequency_gives_the_class_of_median_size_weight_1():
    np.testing.assert_allclose(weights("median"), [9.0, 0.09, 0.0, 1.0], rtol=1e-6)


def test_given_weights_go_by_code_or_name_and_only_their_ratios_count():
    found = weights("given", given="1=2; 7 = 0.5,a=b=4")
    np.testing.assert_allclose(found / found[0], [1, 0.25, 0, 2], rtol=1e-6)
    np.testing.assert_allclose(found, weights("given", given="water=20, 7=5, 20=40"), rtol=1e-6)


def test_a_code_goes_before_a_name_that_looks_like_it():
    assert given_weights("1=5", CLASSES).tolist() == [5, 1, 1, 1]


def test_weight_0_leaves_a_class_out():
    assert weights("given", given="7=0")[1] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("water", "has 'water'; write code or name = weight"),
        ("99=2", r"class '99', which .*1 \(Water\), 7 \(roof, tiled\)"),
        ("1=2, water=3", "names the class Water twice"),
        ("1=two", "gives 'two' for the class 1; a weight is a number from 0 on"),
        ("1=-1", "gives '-1'"),
        ("1=nan", "gives 'nan'"),
        ("1=inf", "gives 'inf'"),
        ("1=0, 7=0, 20=0", "leaves no class with training pixels a weight above 0"),
    ],
)
def test_what_cannot_be_read_is_refused(text, said):
    with pytest.raises(InputError, match=f"GIVEN_WEIGHTS .*{said}"):
        weights("given", given=text)


def test_of_very_many_classes_some_are_named():
    many = [ClassInfo(code, f"class {code}", "#000000") for code in range(1, 200)]
    with pytest.raises(InputError, match="and 169 more"):
        given_weights("forest=2", many)
