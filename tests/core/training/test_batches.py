"""Batches: what is augmented, and how much of it is the seed's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.errors import InputError  # noqa: E402
from hsicnn.core.runtime.seeds import seed_torch, torch_generator  # noqa: E402
from hsicnn.core.training.batches import draw_batch  # noqa: E402
from hsicnn.core.training.patches import TURNED  # noqa: E402
from hsicnn.core.training.resolving import resolve_settings  # noqa: E402
from hsicnn.core.training.settings import SYMMETRIES  # noqa: E402
from lessons import make, settings  # noqa: E402

ALL = {"noise": 0.1, "noise_limit": 0.2, "brightness": 0.1, "band_dropout": 0.2}


def batch_of(count=20, margin=0, **given):
    chosen = settings(architecture="multiscale", **given)
    _, lesson = make(chosen, margin=margin)
    seed_torch(3, "epoch", 0)
    generator = torch_generator(3, "order", 0)
    which = torch.arange(count)
    return lesson, *draw_batch(lesson.source, lesson.training, which, chosen, generator)


def test_the_words_are_those_that_patches_know():
    assert tuple(TURNED) == SYMMETRIES


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_patches_are_turned_as_is_asked_for_and_in_no_other_way(symmetry):
    lesson, patches, _ = batch_of(200, symmetry=symmetry)
    which = torch.arange(200)
    ways = torch.stack(
        [
            lesson.source.draw(lesson.training, which, torch.full((200,), way))[0]
            for way in TURNED[symmetry]
        ]
    )
    equal = (ways == patches).flatten(2).all(2)
    assert equal.any(0).all()
    assert equal.any(1).all()  # every way occurs
    if symmetry == "turns":
        torch.testing.assert_close(ways[1], ways[0].rot90(1, (2, 3)), rtol=0, atol=0)
    if symmetry == "mirrors":
        torch.testing.assert_close(ways[2], ways[0].flip(3), rtol=0, atol=0)
        torch.testing.assert_close(ways[3], ways[0].flip(2), rtol=0, atol=0)


def test_flips_off_turns_nothing_whatever_the_symmetry():
    lesson, patches, _ = batch_of(flips=False, symmetry="turns")
    straight = torch.zeros(20, dtype=torch.int64)
    found, _ = lesson.source.draw(lesson.training, torch.arange(20), straight)
    assert (patches == found).all()


@pytest.mark.parametrize("mixed", [{"mixup": 0.4}, {"class_mixup": 0.4}])
def test_what_is_drawn_follows_from_the_seed_alone(mixed):
    _, first, targets = batch_of(**ALL, **mixed)
    _, second, again = batch_of(**ALL, **mixed)
    assert (first == second).all()
    assert targets.share == again.share
    assert first.is_contiguous(memory_format=torch.channels_last)


def test_mixing_within_a_class_keeps_the_labels():
    lesson, patches, targets = batch_of(class_mixup=0.4, flips=False)
    found, own = lesson.source.draw(
        lesson.training, torch.arange(20), torch.zeros(20, dtype=torch.int64)
    )
    assert targets.share == 1
    assert (targets.own == own).all()
    assert not torch.equal(patches, found)


def test_pixels_beside_the_middle_keep_both_labels_of_a_mixture():
    _, _, targets = batch_of(40, margin=1, class_mixup=0.4, flips=False)
    assert 0.5 <= targets.share < 1
    assert (targets.own[:, 1, 1] == targets.partner[:, 1, 1]).all()
    assert (targets.own != targets.partner).any()


def test_mixing_with_any_and_with_the_class_is_refused():
    with pytest.raises(InputError, match=r"CLASS_MIXUP is 0\.2"):
        resolve_settings({"mixup": 0.4, "class_mixup": 0.2})
