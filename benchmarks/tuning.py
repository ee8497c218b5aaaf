"""Settings of a rival compared honestly: on inner spatial folds of the training pixels alone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from hsicnn.core.data.folds import buffered_training, spatial_folds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Scores = tuple[float, float]
Predictor = Callable[[Floats], Ints]
Key = TypeVar("Key", bound=Hashable)

FOLDS = 3
PIXELS = 2500  # at the most, when settings are compared; the final fit takes all
AIMS = ("overall", "average")


@dataclass(frozen=True, eq=False)
class Pixels:
    """Labelled pixels of a scene: ``(n, bands)`` spectra, classes, rows and columns."""

    spectra: Floats
    told: Ints
    rows: Ints
    cols: Ints

    def take(self, which: npt.NDArray[Any]) -> Pixels:
        """Return some of them."""
        return Pixels(self.spectra[which], self.told[which], self.rows[which], self.cols[which])


def inner_folds(
    training: Pixels, *, block_size: int, buffer: int, seed: int
) -> Iterator[tuple[Ints, Ints]]:
    """Yield positions of the pixels to fit on and of those to score, fold by fold.

    A fold for which the buffer leaves fewer than two classes is scored by nobody.
    """
    rows, cols, told = training.rows, training.cols, training.told
    folds = spatial_folds(rows, cols, told, FOLDS, block_size, seed + 100)
    generator = np.random.default_rng(seed)
    for fold in range(FOLDS):
        kept = np.flatnonzero(buffered_training(folds, fold, rows, cols, buffer))
        if len(np.unique(told[kept])) < 2:
            continue
        if len(kept) > PIXELS:
            kept = generator.choice(kept, PIXELS, replace=False)
        yield kept, np.flatnonzero(folds == fold)


def inner_scores(
    training: Pixels,
    settings: Iterable[Key],
    guess: Callable[[Ints, Ints], Callable[[Key], Ints]],
    *,
    block_size: int,
    buffer: int,
    seed: int,
) -> dict[Key, Scores]:
    """Overall and average accuracy of every setting, pooled over the inner folds.

    Args:
        training: the outer fold's training pixels.
        settings: to compare.
        guess: of positions to fit on and to score returns what predicts the latter by a setting.
        block_size: of the inner folds.
        buffer: of the inner folds.
        seed: of the inner folds.
    """
    found = {key: np.zeros_like(training.told) for key in settings}
    scored = np.zeros(len(training.told), bool)
    for kept, held in inner_folds(training, block_size=block_size, buffer=buffer, seed=seed):
        scored[held] = True
        predict = guess(kept, held)
        for key, predicted in found.items():
            predicted[held] = predict(key)
    told = training.told[scored]
    return {key: _accuracies(told, predicted[scored]) for key, predicted in found.items()}


def best_settings(scores: Mapping[Key, Scores]) -> dict[str, Key]:
    """Return the setting that did best for ``overall``, and the one for ``average`` accuracy."""
    return {
        aim: max(scores, key=lambda key, at=place: scores[key][at])  # type: ignore[misc]
        for place, aim in enumerate(AIMS)
    }


def _accuracies(told: Ints, found: Ints) -> Scores:
    recalls = [float((found[told == c] == c).mean()) for c in np.unique(told)]
    return float((found == told).mean()), float(np.mean(recalls))
