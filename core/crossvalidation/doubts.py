"""What a user should know of folds before they are trained: what the buffer takes, what is thin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..data.chips import ChipSetInfo
from ..data.classes import ClassInfo
from ..data.pixel_store import PixelStore
from ..data.separation import TRAIN, VALIDATION

if TYPE_CHECKING:
    from .folds import Folds

IntArray = npt.NDArray[np.int64]
MUCH = 1 / 3  # of a fold's training that the buffer takes, above which it is warned of


@dataclass(frozen=True, eq=False)
class Training:
    """What is left to train on while each fold is held out.

    Attributes:
        counts: ``(k, classes)`` training samples of each class.
        before: ``(k,)`` samples of the other folds.
        taken: ``(k,)`` those of them that lie too near to what is held out, or to validation.
    """

    counts: IntArray
    before: IntArray
    taken: IntArray

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """``(k,)`` share that is taken, 0..1."""
        return np.asarray(self.taken / np.maximum(self.before, 1))


def training_of(store: PixelStore, folds: Folds, classes: int) -> Training:
    """Count what the folds leave to train on.

    Args:
        store: the samples.
        folds: how they are divided.
        classes: how many there are.
    """
    label, counts, before, taken = store.label.astype(np.int64), [], [], []
    own = folds.units.by_unit(folds.fold)[folds.units.of_sample]
    for fold in range(1, folds.k + 1):
        codes = folds.units.by_unit(folds.codes(fold))[folds.units.of_sample]
        counts.append(np.bincount(label[codes == TRAIN], minlength=classes + 1)[1:])
        before.append(int(((own > 0) & (own != fold)).sum()))
        taken.append(before[-1] - int(np.isin(codes, (TRAIN, VALIDATION)).sum()))
    return Training(np.array(counts), np.array(before), np.array(taken))


def what_is_taken(training: Training, buffer: int) -> tuple[str, ...]:
    """Say fold by fold what the buffer takes; nothing where it takes nothing."""
    if not training.taken.any():
        return ()
    each = [
        f"fold {number}: {taken:,} of {before:,} ({taken / max(before, 1):.0%})"
        for number, (taken, before) in enumerate(zip(training.taken, training.before), 1)
    ]
    told = f"Too near to the held-out fold to train (buffer {buffer} pixels), of the training "
    return (f"{told}pixels of {', '.join(each)}.",)


def doubts(info: ChipSetInfo, folds: Folds, training: Training) -> tuple[str, ...]:
    """Say what makes figures doubtful: neighbours in other folds, classes in too few, the buffer.

    Args:
        info: the chip set.
        folds: how its samples are divided.
        training: what they leave to train on.
    """
    told = []
    if folds.method == "stratified" and info.placed:
        told.append(
            "Folds were drawn pixel by pixel: neighbours of held-out pixels were trained on, and "
            "the accuracy is too good. METHOD 'spatial' tells how good maps of other places are."
        )
    left = int((folds.fold == 0).sum())
    if left:
        told.append(f"{left:,} of {len(folds.fold):,} samples are in no fold: they take no part.")
    if (training.shares > MUCH).any():
        told.append(_much_is_taken(folds, training))
    return (*told, *_few_folds(info.classes, folds, training))


def _much_is_taken(folds: Folds, training: Training) -> str:
    worst, units = int(training.shares.argmax()), folds.units
    told = (
        f"The buffer of {folds.buffer} pixels takes {training.shares[worst]:.0%} of the training "
        f"pixels of fold {worst + 1} ({training.taken[worst]:,} of {training.before[worst]:,}): "
        "the network learns from few, and is worse than one of all labels. "
    )
    if folds.method == "spatial":
        tiles = ", several tiles" if units.size > 1 else ""
        return (
            f"{told}A BLOCK_SIZE larger than {folds.block_size}{tiles}, or a smaller BUFFER, keeps "
            "more of them."
        )
    if folds.buffer:
        return f"{told}A smaller BUFFER, or METHOD 'spatial' with large blocks, keeps more of them."
    return f"{told}METHOD 'spatial' keeps more of what overlaps in one fold."


def _few_folds(classes: Sequence[ClassInfo], folds: Folds, training: Training) -> list[str]:
    """Name the classes that are in too few folds, or lack training in some."""
    told = []
    size = len(classes) + 1
    flat = folds.fold * size + folds.units.values
    table = np.bincount(flat, minlength=(folds.k + 1) * size).reshape(-1, size)[1:, 1:]
    for item, counts, trained in zip(classes, table.T, training.counts.T):
        held = int((counts > 0).sum())
        if held == 1:
            told.append(
                f"Class '{item.name}' is in one fold only: while that is held out nothing teaches "
                "it, and all of it is wrong. Label it in other places too, or use smaller blocks."
            )
        elif held and not trained.all():
            lacking = ", ".join(str(number) for number in np.flatnonzero(trained == 0) + 1)
            told.append(
                f"Class '{item.name}' has no training pixel left while fold {lacking} is held out: "
                "the others lie too near. Nothing teaches it then, and all of it is wrong."
            )
        elif 1 < held < folds.k:
            told.append(f"Class '{item.name}' is in {held} of {folds.k} folds only.")
    return told
