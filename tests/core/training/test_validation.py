"""Which of two epochs is better, and the figures of what was held back."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from hsicnn.core.data.normalisation import fit_normalisation  # noqa: E402
from hsicnn.core.data.separation import TEST, TRAIN, UNUSED, VALIDATION  # noqa: E402
from hsicnn.core.progress import SilentProgress  # noqa: E402
from hsicnn.core.training.patches import PatchSource  # noqa: E402
from hsicnn.core.training.scores import predict_splits, split_scores  # noqa: E402
from hsicnn.core.training.validation import Figures, better  # noqa: E402
from pixels import small_store  # noqa: E402


def row(*, loss=1.0, overall=0.5, average=0.5):
    return Figures(10, loss, overall, average)


@pytest.mark.parametrize(
    ("monitor", "figures", "wins"),
    [
        ("loss", row(loss=0.9, overall=0.1), True),
        ("loss", row(loss=1.1, overall=0.9), False),
        ("overall", row(overall=0.6, average=0.1), True),
        ("overall", row(overall=0.4, average=0.9), False),
        ("balanced", row(overall=0.4, average=0.7), True),
        ("balanced", row(overall=0.7, average=0.2), False),
        # Equal accuracy is decided by the loss, and the same epoch beats nothing.
        ("balanced", row(loss=0.9), True),
        ("balanced", row(loss=1.1), False),
        ("balanced", row(), False),
        ("loss", row(), False),
    ],
)
def test_an_epoch_beats_another_by_what_is_watched(monitor, figures, wins):
    assert better(figures, row().row(), monitor) is wins
    assert better(figures, {}, monitor)


def test_nothing_validated_has_no_columns():
    assert Figures().row() == {}


class ByMean(torch.nn.Module):
    """Says which of three means a pixel's first band is nearest to."""

    radius = 0

    def __init__(self, means) -> None:
        super().__init__()
        self.means = torch.tensor(means)[None, :, None, None]

    def forward(self, values):
        return -(values[:, :1] - self.means).abs()


def scores_of(store):
    fitted = fit_normalisation("global", store.physical(store.index[store.split == TRAIN]))
    source = PatchSource(
        store,
        fitted,
        0,
        margin=0,
        device=torch.device("cpu"),
        memory_bytes=2**26,
        progress=SilentProgress(),
    )
    values = fitted.apply(store.physical(store.index))[:, 0]
    means = [float(values[store.label == label].mean()) for label in (1, 2, 3)]
    info = SimpleNamespace(placed=True, classes=("a", "b", "c"))
    predicted = predict_splits(ByMean(means), source, store, SilentProgress())
    return split_scores(predicted, store, info, source)


def test_what_tells_the_classes_apart_scores_full_on_both():
    store = small_store(noise=0.0)
    scores = scores_of(store)
    assert set(scores) == {"validation", "test"}
    for name, code in (("validation", VALIDATION), ("test", TEST)):
        assert scores[name]["pixels"] == int((store.split == code).sum())
        assert scores[name]["overall_accuracy"] == 1.0
        assert scores[name]["kappa"] == 1.0
        assert scores[name]["classes"]["f1"] == [1.0, 1.0, 1.0]
        # Stripes run through all splits: the nearest training pixel is of the same class.
        assert scores[name]["location_only"] == 1.0


@pytest.mark.parametrize(("gone", "left"), [(VALIDATION, {"test"}), (TEST, {"validation"})])
def test_what_was_not_held_back_has_no_figures(gone, left):
    store = small_store(noise=0.0)
    store.split[store.split == gone] = UNUSED
    assert set(scores_of(store)) == left


def test_a_class_that_is_not_tested_has_no_figure_and_spoils_none():
    store = small_store(noise=0.0)
    store.split[(store.split == TEST) & (store.label == 2)] = UNUSED
    classes = scores_of(store)["test"]["classes"]
    assert classes["producers_accuracy"] == [1.0, None, 1.0]
    assert np.array_equal(classes["f1"], [1.0, None, 1.0])
