"""The rival: an RBF SVM whose C, gamma and class weight are tuned on inner spatial folds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from tuning import Floats, Ints, Pixels, Predictor, best_settings, inner_scores

COSTS = (1.0, 10.0, 100.0, 1000.0)
GAMMAS = (0.05, 0.2, 0.8, 3.0)  # over the number of bands
WEIGHTS = (None, "balanced")
Setting = tuple[float, float, Any]


def tuned_svm(training: Pixels, *, block_size: int, buffer: int, seed: int) -> dict[str, Predictor]:
    """Fit the SVM that did best on inner folds.

    Returns:
        What predicts spectra ``(n, bands)``, chosen for ``overall`` and for ``average`` accuracy.
    """
    mean, deviation = training.spectra.mean(0), training.spectra.std(0)
    deviation[deviation == 0] = 1
    scaled = (training.spectra - mean) / deviation
    bands = scaled.shape[1]

    def guess(kept: Ints, held: Ints) -> Callable[[Setting], Ints]:
        among, across = (
            _distances(scaled[kept], scaled[kept]),
            _distances(scaled[held], scaled[kept]),
        )
        kernels: dict[float, tuple[Floats, Floats]] = {}

        def predict(setting: Setting) -> Ints:
            gamma, cost, weight = setting
            if gamma not in kernels:  # settings come gamma by gamma
                kernels.clear()
                kernels[gamma] = np.exp(-gamma / bands * among), np.exp(-gamma / bands * across)
            machine = _machine(cost, weight, kernel="precomputed")
            machine.fit(kernels[gamma][0], training.told[kept])
            predicted: Ints = machine.predict(kernels[gamma][1])
            return predicted

        return predict

    settings = product(GAMMAS, COSTS, WEIGHTS)
    scores = inner_scores(
        training, settings, guess, block_size=block_size, buffer=buffer, seed=seed
    )
    fitted: dict[Setting, Predictor] = {}
    chosen = best_settings(scores)
    for gamma, cost, weight in set(chosen.values()):
        machine = _machine(cost, weight, kernel="rbf", gamma=gamma / bands)
        machine.fit(scaled, training.told)
        fitted[gamma, cost, weight] = lambda spectra, machine=machine: machine.predict(
            (spectra - mean) / deviation
        )
    return {aim: fitted[setting] for aim, setting in chosen.items()}


def _machine(cost: float, weight: Any, **options: Any) -> Any:
    from sklearn.svm import SVC

    return SVC(C=cost, class_weight=weight, cache_size=500, **options)


def _distances(first: Floats, second: Floats) -> Floats:
    """Squared distances; through torch, whose matrix product never is a reference BLAS."""
    import torch

    a, b = torch.from_numpy(first), torch.from_numpy(second)
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * (a @ b.T)
    return squares.clamp_min_(0).numpy()
