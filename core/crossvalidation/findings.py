"""The figures of a cross-validation: of each fold, their mean and spread, and of all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..accuracy.confusion import Figures, confusion_matrix, figures
from ..data.chips import ChipSetInfo
from ..data.leakage import location_only, patch_leak
from ..data.pixel_store import PixelStore
from ..modelfile.bundle import ModelBundle
from ..modelfile.mapped import as_mapped
from .doubts import training_of
from .fold_run import FoldOutcome
from .folds import Folds

IntArray = npt.NDArray[np.int64]
#: The figures of a fold that have a mean, by the name they have in a model's metrics.
FIGURES = ("overall_accuracy", "average_accuracy", "kappa", "location_only")


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (of a sample: n - 1) over the folds that have a figure.

    Attributes:
        mean: None where no fold has it.
        deviation: None where fewer than two have it.
        folds: that have it.
    """

    mean: float | None
    deviation: float | None
    folds: int

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread:
        """Return the spread of some values; None is left out."""
        known = [value for value in values if value is not None]
        mean = float(np.mean(known)) if known else None
        deviation = float(np.std(known, ddof=1)) if len(known) > 1 else None
        return cls(mean, deviation, len(known))

    def text(self) -> str:
        """Return it as ``0.873 ± 0.021``."""
        if self.mean is None:
            return "-"
        more = "" if self.deviation is None else f" ± {self.deviation:.3f}"
        return f"{self.mean:.3f}{more}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"mean": self.mean, "sd": self.deviation, "folds": self.folds}


@dataclass(frozen=True, eq=False)
class Findings:
    """What a cross-validation found.

    Attributes:
        chips: name of the chip set.
        network: title of the network.
        summary: how the samples were divided, in words.
        spreads: by the names of ``FIGURES``.
        f1: a spread a class.
        names: of the classes.
        colors: of the classes.
        pooled: figures of all held-out samples together.
        location: share of all held-out samples that location alone gets right; None without a
            place.
        inside: share of held-out samples that lie in a patch of training; None without a place.
        radius: of the network, in pixels.
        predicted: ``(n,)`` class of every sample of the store when it was held out; 0 for none.
        outcomes: of the folds.
        notes: what was done.
        warnings: what makes the figures doubtful.
    """

    chips: str
    network: str
    summary: str
    spreads: Mapping[str, Spread]
    f1: Sequence[Spread]
    names: Sequence[str]
    colors: Sequence[str]
    pooled: Figures
    location: float | None
    inside: float | None
    radius: int
    predicted: IntArray
    outcomes: Sequence[FoldOutcome]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def findings(
    info: ChipSetInfo,
    store: PixelStore,
    folds: Folds,
    outcomes: Sequence[FoldOutcome],
    network: str,
) -> Findings:
    """Put the figures together.

    Args:
        info: the chip set.
        store: its samples.
        folds: how they were divided.
        outcomes: of the folds.
        network: its title.
    """
    tests = [outcome.model.metrics["test"] for outcome in outcomes]
    spreads = {name: Spread.of([test[name] for test in tests]) for name in FIGURES}
    f1 = [Spread.of(values) for values in zip(*(test["classes"]["f1"] for test in tests))]
    predicted = np.zeros(len(store), dtype=np.int64)
    for outcome in outcomes:
        predicted[outcome.held_out] = outcome.predicted
    held = predicted > 0
    told = store.label[held].astype(np.int64)
    pooled = figures(confusion_matrix(told, predicted[held], len(info.classes)))
    model = outcomes[0].model
    radius = model.radius
    location, inside = _by_place(store, outcomes, radius) if info.placed else (None, None)
    warnings = list(folds.warnings)
    if inside:
        wider = training_of(store, replace(folds, buffer=radius), len(info.classes))
        left = 1 - float(wider.taken.sum() / max(wider.before.sum(), 1))
        warnings.append(
            f"{inside:.1%} of the held-out samples lie in a patch of {2 * radius + 1} x "
            f"{2 * radius + 1} pixels that was trained on: a BUFFER of {radius} or more keeps them "
            f"apart, and would leave {left:.0%} of these folds' training pixels."
        )
    return Findings(
        chips=info.folder.name,
        network=network,
        summary=folds.describe(),
        spreads=spreads,
        f1=f1,
        names=[item.name for item in info.classes],
        colors=[item.color for item in info.classes],
        pooled=pooled,
        location=location,
        inside=inside,
        radius=radius,
        predicted=predicted,
        outcomes=outcomes,
        notes=(*folds.notes, *_how_judged(outcomes, model)),
        warnings=tuple(warnings),
    )


def _how_judged(outcomes: Sequence[FoldOutcome], model: ModelBundle) -> tuple[str, ...]:
    """Say where figures of a network on tiles are not quite those of its map."""
    tests = [outcome.model.metrics["test"] for outcome in outcomes]
    mapped = sum(test.get("as_mapped", 1) * test["pixels"] for test in tests)
    share = mapped / sum(test["pixels"] for test in tests)
    if share >= 1:
        return ()
    pixels = "the held-out samples"
    return (as_mapped(pixels, share, margin=model.radius, multiple=model.multiple),)


def _by_place(
    store: PixelStore, outcomes: Sequence[FoldOutcome], radius: int
) -> tuple[float, float]:
    """Shares of held-out samples that location alone gets right, and that lie in a patch."""
    right = near = count = 0
    for outcome in outcomes:
        taught, held = outcome.training, outcome.held_out
        places = (store.row[taught], store.col[taught])
        asked = (store.row[held], store.col[held])
        guessed = location_only(*places, store.label[taught], *asked)
        right += int((guessed == store.label[held]).sum())
        near += round(patch_leak(*places, *asked, radius).test_centres_inside * len(held))
        count += len(held)
    return right / count, near / count


def as_json(found: Findings) -> dict[str, Any]:
    """Return the figures as plain values, for the JSON.

    A name has one meaning in its place: ``of_folds`` are means of the folds, as the outputs of
    the algorithm are, and ``pooled`` those of all held-out samples together.
    """
    pooled = found.pooled
    classes = [
        {
            "name": name,
            "f1": item.f1,
            "producers_accuracy": item.producers_accuracy,
            "users_accuracy": item.users_accuracy,
            "pixels": item.reference,
            "f1_of_folds": spread.to_json(),
        }
        for name, item, spread in zip(found.names, pooled.classes, found.f1)
    ]
    return {
        "chips": found.chips,
        "network": found.network,
        "folds": found.summary,
        "of_folds": {name: spread.to_json() for name, spread in found.spreads.items()},
        "pooled": {
            "overall_accuracy": pooled.overall,
            "average_accuracy": pooled.average,
            "kappa": pooled.kappa,
            "location_only": found.location,
        },
        "held_out_in_training_patches": found.inside,
        "pixels": int(pooled.matrix.sum()),
        "classes": classes,
        "confusion_matrix": pooled.matrix.tolist(),
        "each_fold": [_fold_json(outcome) for outcome in found.outcomes],
        "notes": list(found.notes),
        "warnings": list(found.warnings),
    }


def _fold_json(outcome: FoldOutcome) -> dict[str, Any]:
    test = outcome.model.metrics["test"]
    return {
        "fold": outcome.number,
        "pixels": dict(outcome.counts),
        **{name: test[name] for name in FIGURES},
        "f1": list(test["classes"]["f1"]),
        "epochs": outcome.epochs,
        "kept_epoch": outcome.model.metrics["kept_epoch"],
        "seconds": round(outcome.seconds, 1),
        "model_id": outcome.model.model_id,
    }
