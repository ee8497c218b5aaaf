"""What is said of a split, and what refuses it."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.separation import TEST, TRAIN, UNUSED, VALIDATION
from hsicnn.core.data.split_notes import (
    NAMED,
    THIN,
    check_lone_pixels,
    split_notes,
    thin_classes,
    without_small_classes,
    without_test,
)
from hsicnn.core.errors import SplitError

from .test_splits import labels_of


def row_of(values, codes):
    """Labelled pixels side by side, with their split codes."""
    values = np.asarray(values)
    return labels_of(np.zeros(len(values)), np.arange(len(values)), values), np.uint8(codes)


def test_what_the_buffer_takes_is_counted():
    labels, before = row_of([1] * 8, [TRAIN] * 6 + [TEST] * 2)
    after = before.copy()
    after[3:6] = UNUSED
    assert split_notes(labels, before, after, 3) == (
        "The buffer of 3 pixels takes 3 training pixels; 50% stay.",
    )
    assert split_notes(labels, before, before, 3) == ()


def test_a_class_whose_training_pixels_the_buffer_took_is_told_what_helps():
    labels, before = row_of([1, 1, 2, 2], [TRAIN, TEST, TRAIN, TEST])
    after = np.uint8([TRAIN, TEST, UNUSED, TEST])
    with pytest.raises(SplitError, match=r"'c2' has 2 .*its 1 training.*BUFFER, or another BLOCK"):
        split_notes(labels, before, after, 5, block_size=20)
    with pytest.raises(SplitError, match=r"within 5 pixels .* Use a smaller BUFFER\.$"):
        split_notes(labels, before, after, 5)


def test_a_class_that_was_never_for_training_is_told_another_remedy():
    labels, codes = row_of([1, 1, 2, 2], [TRAIN, TEST, TEST, VALIDATION])
    with pytest.raises(SplitError, match=r"'c2' has 2 .* none of them is .* TRAIN_FRACTION"):
        split_notes(labels, codes, codes, 0)


def test_figures_that_cannot_be_known_are_named():
    values = [1] * (THIN + 2) + [2] * (THIN + 1)
    labels, codes = row_of(values, [TRAIN] * THIN + [VALIDATION, TEST] + [TRAIN] * THIN + [TEST])
    (sentence,) = thin_classes(labels, codes)
    assert sentence == (
        f"Class 'c2' has no pixels for validation: {THIN} for train, 0 for validation, "
        "1 for test. "
        "Its validation figures cannot be known."
    )


def test_of_many_thin_classes_the_first_are_named_and_the_rest_counted():
    labels, codes = row_of(range(1, NAMED + 4), [TRAIN] * (NAMED + 3))
    sentences = thin_classes(labels, codes)
    assert len(sentences) == NAMED + 1
    assert sentences[0] == "Class 'c1' is thin: 1 for train."
    assert sentences[-1] == "3 more classes have few or no pixels as well."


def test_classes_of_one_pixel_are_refused_by_name():
    labels, _ = row_of([1, 1, 2, 3, 3], [TRAIN] * 5)
    with pytest.raises(SplitError, match=r"Class 'c2' has a single labelled pixel, of 5 in all"):
        check_lone_pixels(labels)
    many, _ = row_of(range(1, NAMED + 4), [TRAIN] * (NAMED + 3))
    with pytest.raises(SplitError, match=r"classes 'c1', .*'c10' and 3 more have a single"):
        check_lone_pixels(many)
    check_lone_pixels(row_of([1, 1, 2, 2], [TRAIN] * 4)[0])


@pytest.mark.parametrize(
    ("method", "words"),
    [("blocks", "blocks of 16 x 16 pixels"), ("random", "label more"), ("field", "SPLIT_FIELD")],
)
def test_a_split_without_a_test_says_what_helps(method, words):
    text = without_test(method, 16)
    assert "accuracy cannot be known" in text
    assert words in text


def test_small_classes_are_left_out_and_named():
    labels = labels_of([*range(9)], [0] * 9, [1] * 5 + [2] * 3 + [3])
    kept = without_small_classes(labels, 3)
    assert [item.name for item in kept.classes] == ["c1", "c2"]
    assert kept.notes == ("Classes with fewer than 3 labelled pixels are left out: c3 (1).",)
    assert without_small_classes(labels, 0) is labels
    assert without_small_classes(labels, 1) is labels
    with pytest.raises(SplitError, match=r"MIN_PER_CLASS is 6, .* 'c1', has 5"):
        without_small_classes(labels, 6)


def test_of_many_small_classes_only_some_are_named():
    values = [1] * 3 + list(range(2, 20))
    labels = labels_of(range(len(values)), [0] * len(values), values)
    assert "and 8 more" in without_small_classes(labels, 2).notes[-1]


def test_without_a_test_in_a_raster_says_so():
    assert "The raster of the split marks no" in without_test("raster", 0)
