"""The sheet of augmented examples: there where something is augmented, true, and harmless."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.raster.bands import Band  # noqa: E402
from hsicnn.core.training.sheet import (  # noqa: E402
    VERSIONS,
    augmented_examples,
    changes,
    draw_examples,
)
from lessons import CLASSES, make, settings  # noqa: E402
from pixels import small_store  # noqa: E402

BANDS = tuple(Band(n + 1, f"band {n + 1}", 400.0 + 40 * n, 8.0) for n in range(12))
ALL = {"noise": 0.1, "brightness": 0.1, "band_dropout": 0.2, "class_mixup": 0.4}


def lesson_of(**given):
    return make(settings(architecture="multiscale", **given))[1]


def test_nothing_augmented_is_no_sheet():
    assert augmented_examples(lesson_of(flips=False), BANDS, CLASSES) == []
    single = make(settings(architecture="etrainee_1d", flips=True))[1]
    assert single.source.side == 1
    assert augmented_examples(single, BANDS, CLASSES) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"flips": True}, "Turned by 0, 90, 180 or 270 degrees, and mirrored or not."),
        ({"flips": True, "symmetry": "turns"}, "Turned by 0, 90, 180 or 270 degrees."),
        ({"flips": True, "symmetry": "mirrors"}, "Mirrored left to right"),
        (
            {"noise": 0.002, "noise_limit": 0.01},
            "0.002 in normalised values, cut at 0.01",
        ),
        ({"brightness": 0.1}, "factor around 1, with a deviation of 0.1"),
        ({"band_dropout": 0.05}, "a chance of 5%"),
        ({"mixup": 0.4}, "and the labels with them"),
        ({"class_mixup": 0.4}, "of the same class"),
    ],
)
def test_what_is_done_is_said_in_words(given, words):
    (told,) = changes(settings(**{"flips": False, **given}), 5)
    assert words in told


def test_a_class_each_with_versions_that_are_those_of_training():
    lesson = lesson_of(flips=True, symmetry="turns")
    examples, titles = draw_examples(lesson, CLASSES)
    assert [example.name for example in examples] == [item.name for item in CLASSES]
    assert titles == ["original", "1", "2", "3", "4", "5"]
    store = lesson.source.normalisation.restore(lesson.source._values.numpy())
    for example in examples:
        assert example.patches.shape == (1 + VERSIONS, 5, 5, 12)
        original = example.patches[0]
        # Physical values of a pixel of the set.
        assert np.isclose(store, original[2, 2], atol=1e-4).all(axis=1).any()
        for version in example.patches[1:]:
            turns = [np.rot90(original, turn) for turn in range(4)]
            assert any(np.allclose(version, turn, atol=1e-4) for turn in turns)


def test_the_same_training_gives_the_same_sheet_and_random_numbers_do_not_notice():
    first, _ = draw_examples(lesson_of(**ALL), CLASSES)
    state = torch.random.get_rng_state()
    second, _ = draw_examples(lesson_of(**ALL), CLASSES)
    lesson = lesson_of(**ALL)
    torch.random.set_rng_state(state)
    draw_examples(lesson, CLASSES)
    assert torch.equal(torch.random.get_rng_state(), state)
    for one, other in zip(first, second):
        np.testing.assert_array_equal(one.patches, other.patches)
        assert not np.allclose(one.patches[0], one.patches[1])


def test_a_mixture_with_others_says_its_share():
    _, titles = draw_examples(lesson_of(mixup=0.4), CLASSES)
    assert all("% itself" in title for title in titles[1:])


NAMED = tuple(Band(n + 1, f"PC {n + 1}") for n in range(12))


@pytest.mark.parametrize(
    ("bands", "components", "words"),
    [
        (BANDS, False, "images show true colours"),
        (NAMED, False, "images show PC 12, PC 7, PC 1 as red"),
        (NAMED, True, "images show PC 1, PC 2, PC 3 as red"),
        (NAMED[:2], True, "images show one band"),
    ],
)
def test_the_sheet_is_drawn_and_says_what_its_images_show(bands, components, words):
    lesson = make(settings(architecture="multiscale", **ALL), small_store(bands=len(bands)))[1]
    page = "".join(augmented_examples(lesson, bands, CLASSES, components=components))
    assert "data:image/png" in page
    assert words in page


def test_one_training_pixel_and_single_pixels_are_enough():
    chosen = settings(architecture="etrainee_1d", noise=0.1)
    lesson = make(chosen)[1]
    bands = tuple(Band(n + 1, f"band {n + 1}") for n in range(46))
    page = "".join(augmented_examples(lesson, bands, CLASSES))
    assert "data:image/png" in page
    assert "images show" not in page
