"""The other rival: a random forest (Breiman 2001), tuned on inner spatial folds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from tuning import Ints, Pixels, Predictor, best_settings, inner_scores

FEATURES = ("sqrt", 0.3)  # bands tried at a division
LEAVES = (1, 5)  # pixels of a leaf at the least
WEIGHTS = (None, "balanced_subsample")
TREES, INNER_TREES = 300, 100
Setting = tuple[Any, int, Any]


def tuned_forest(
    training: Pixels, *, block_size: int, buffer: int, seed: int
) -> dict[str, Predictor]:
    """Fit the forest that did best on inner folds.

    Returns:
        What predicts spectra ``(n, bands)``, chosen for ``overall`` and for ``average`` accuracy.
    """

    def guess(kept: Ints, held: Ints) -> Callable[[Setting], Ints]:
        def predict(setting: Setting) -> Ints:
            forest = _forest(setting, INNER_TREES, seed)
            forest.fit(training.spectra[kept], training.told[kept])
            predicted: Ints = forest.predict(training.spectra[held])
            return predicted

        return predict

    settings = product(FEATURES, LEAVES, WEIGHTS)
    scores = inner_scores(
        training, settings, guess, block_size=block_size, buffer=buffer, seed=seed
    )
    chosen = best_settings(scores)
    fitted: dict[Setting, Predictor] = {
        setting: _forest(setting, TREES, seed).fit(training.spectra, training.told).predict
        for setting in set(chosen.values())
    }
    return {aim: fitted[setting] for aim, setting in chosen.items()}


def _forest(setting: Setting, trees: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    features, leaf, weight = setting
    return RandomForestClassifier(
        trees,
        max_features=features,
        min_samples_leaf=leaf,
        class_weight=weight,
        random_state=seed,
        n_jobs=1,
    )
