"""The rival: an RBF SVM whose C, gamma and class weight are tuned on inner spatial folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hsicnn.core.data.folds import buffered_training, spatial_folds

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COSTS = (1.0, 10.0, 100.0, 1000.0)
GAMMAS = (0.05, 0.2, 0.8, 3.0)  # over the number of bands
WEIGHTS = (None, "balanced")
INNER_FOLDS = 3
INNER_PIXELS = 2500  # at the most, when settings are compared; the final fit takes all


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


def tuned_svm(
    training: Pixels, test: Pixels, *, block_size: int, buffer: int, seed: int
) -> dict[str, Ints]:
    """Predict test pixels with the SVM that did best on inner folds.

    Returns:
        Predictions of the SVM chosen for ``overall`` and for ``average`` accuracy.
    """
    mean, deviation = training.spectra.mean(0), training.spectra.std(0)
    deviation[deviation == 0] = 1
    scaled = (training.spectra - mean) / deviation
    distances = _distances(scaled, scaled)
    table = _inner_scores(training, distances, block_size=block_size, buffer=buffer, seed=seed)
    across = _distances((test.spectra - mean) / deviation, scaled)
    bands = scaled.shape[1]
    found: dict[Any, Ints] = {}
    chosen = {}
    for position, name in enumerate(("overall", "average")):
        key = max(table, key=lambda item, at=position: table[item][at])
        if key not in found:
            gamma, cost, weight = key
            machine = _machine(cost, weight).fit(np.exp(-gamma / bands * distances), training.told)
            found[key] = machine.predict(np.exp(-gamma / bands * across))
        chosen[name] = found[key]
    return chosen


def _inner_scores(
    training: Pixels, distances: Floats, *, block_size: int, buffer: int, seed: int
) -> dict[tuple[float, float, Any], tuple[float, float]]:
    """Overall and average accuracy of every setting, pooled over the inner folds."""
    rows, cols, told = training.rows, training.cols, training.told
    folds = spatial_folds(rows, cols, told, INNER_FOLDS, block_size, seed + 100)
    generator = np.random.default_rng(seed)
    inner = []
    for fold in range(INNER_FOLDS):
        kept = np.flatnonzero(buffered_training(folds, fold, rows, cols, buffer))
        if len(kept) > INNER_PIXELS:
            kept = generator.choice(kept, INNER_PIXELS, replace=False)
        inner.append((kept, np.flatnonzero(folds == fold)))
    present = np.unique(told)
    table = {}
    for gamma in GAMMAS:
        kernel = np.exp(-gamma / training.spectra.shape[1] * distances)
        for cost in COSTS:
            for weight in WEIGHTS:
                found = np.zeros_like(told)
                for kept, held in inner:
                    machine = _machine(cost, weight).fit(kernel[np.ix_(kept, kept)], told[kept])
                    found[held] = machine.predict(kernel[np.ix_(held, kept)])
                recalls = [float((found[told == c] == c).mean()) for c in present]
                table[gamma, cost, weight] = (
                    float((found == told).mean()),
                    float(np.mean(recalls)),
                )
    return table


def _machine(cost: float, weight: Any) -> Any:
    from sklearn.svm import SVC

    return SVC(C=cost, kernel="precomputed", class_weight=weight, cache_size=500)


def _distances(first: Floats, second: Floats) -> Floats:
    """Squared distances; through torch, whose matrix product never is a reference BLAS."""
    import torch

    a, b = torch.from_numpy(first), torch.from_numpy(second)
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * (a @ b.T)
    return squares.clamp_min_(0).numpy()
