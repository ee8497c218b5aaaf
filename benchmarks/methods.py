"""What is compared: networks of the catalog, rivals without a network, and location alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from hsicnn.core.data.leakage import location_only
from hsicnn.models.catalog import NETWORKS
from protocol import INNER_BLOCK, INNER_BUFFER, Guess, Mask
from scenes import Scene
from tuned_forest import tuned_forest
from tuned_svm import tuned_svm
from tuning import FOLDS as INNER_FOLDS
from tuning import PIXELS as INNER_PIXELS

LOCATION = "location only"
RIVALS = {"SVM": tuned_svm, "random forest": tuned_forest}
METHODS = (LOCATION, *RIVALS, *NETWORKS)


class Method(Protocol):
    """A method of the table."""

    def identity(self, scene: Scene) -> Mapping[str, Any]:
        """Return what decides the result besides seed and fold."""

    def guess(self, scene: Scene, training: Mask, test: Mask, seed: int, plan: str) -> Guess:
        """Learn from some of the labelled pixels and predict others."""


@dataclass(frozen=True)
class LocationMethod:
    """The label of the nearest training pixel, without any spectrum."""

    def identity(self, scene: Scene) -> Mapping[str, Any]:
        """Nothing can be set."""
        return {"labels": len(scene.labels)}

    def guess(self, scene: Scene, training: Mask, test: Mask, seed: int, plan: str) -> Guess:
        """See ``Method``."""
        del seed, plan
        rows, cols, told = scene.pixels.rows, scene.pixels.cols, scene.pixels.told
        began = time.monotonic()
        found = location_only(
            rows[training], cols[training], told[training], rows[test], cols[test]
        )
        return Guess({"": np.asarray(found, np.int64)}, _facts(0.0, time.monotonic() - began, test))


@dataclass(frozen=True)
class RivalMethod:
    """A method of single spectra that tunes itself on inner folds.

    Attributes:
        name: of ``RIVALS``.
    """

    name: str

    def identity(self, scene: Scene) -> Mapping[str, Any]:
        """Return what is compared, and how."""
        del scene
        module = __import__(RIVALS[self.name].__module__)
        grid = {name: value for name, value in vars(module).items() if name.isupper()}
        inner = (INNER_BLOCK, INNER_BUFFER, INNER_FOLDS, INNER_PIXELS)
        return {"grid": {name: repr(grid[name]) for name in sorted(grid)}, "inner": inner}

    def guess(self, scene: Scene, training: Mask, test: Mask, seed: int, plan: str) -> Guess:
        """See ``Method``."""
        del plan
        began = time.monotonic()
        fitted = RIVALS[self.name](
            scene.pixels.take(training), block_size=INNER_BLOCK, buffer=INNER_BUFFER, seed=seed
        )
        seconds = time.monotonic() - began
        spectra = scene.pixels.spectra[test]
        began = time.monotonic()
        found = {f"tuned for {aim}": predict(spectra) for aim, predict in fitted.items()}
        return Guess(found, _facts(seconds, (time.monotonic() - began) / len(found), test))


def make_method(name: str, budget: float, cache: Path) -> Method:
    """Return a method of ``METHODS``."""
    if name == LOCATION:
        return LocationMethod()
    if name in RIVALS:
        return RivalMethod(name)
    from network_fold import NetworkMethod

    return NetworkMethod(name, budget, cache / "recipes")


def _facts(training: float, predicting: float, test: Mask) -> dict[str, Any]:
    return {
        "training_seconds": training,
        "predicting_seconds": predicting,
        "pixels_a_second": int(test.sum()) / max(predicting, 1e-9),
        "radius": 0,
    }
