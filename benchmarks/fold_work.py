"""One fold of one method on one scene; runs in a process of its own."""

from __future__ import annotations

import functools
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).resolve().parent)]
from conftest import mount_package  # noqa: E402

mount_package()

import numpy as np  # noqa: E402
from kept_folds import KeptFolds, fold_key  # noqa: E402
from methods import make_method  # noqa: E402
from protocol import Protocol  # noqa: E402
from scenes import Scene, load_scene  # noqa: E402


@dataclass(frozen=True)
class Task:
    """A fold.

    Attributes:
        data: folder of real scenes.
        cache: folder of finished folds.
        scene: name.
        method: name.
        seed: of folds, and of all that is drawn.
        fold: that is tested.
        protocol: one for all methods.
        budget: seconds that a training may take; 0 is no limit.
    """

    data: str
    cache: str
    scene: str
    method: str
    seed: int
    fold: int
    protocol: Protocol
    budget: float

    @property
    def title(self) -> str:
        """What is said of it."""
        return f"{self.scene} seed {self.seed} fold {self.fold} {self.method}"


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        task: it.
        seconds: it took.
        accuracy: share of its tested pixels that each variant has right, in words.
        error: why there is none; empty where there is.
    """

    task: Task
    seconds: float
    accuracy: str = ""
    error: str = ""

    def line(self) -> str:
        """Return it in a line."""
        return f"{self.task.title}: {self.error or self.accuracy} in {self.seconds:.0f} s"


@functools.lru_cache(maxsize=4)
def scene_of(data: str, cache: str, name: str) -> Scene:
    """Return a scene, read once a process."""
    return load_scene(name, Path(data), Path(cache) / "scenes")


def kept_folds_of(task: Task) -> KeptFolds:
    """Return where the folds of a task's method and scene are kept.

    Raises:
        InputError: the method cannot be used on the scene.
    """
    scene = scene_of(task.data, task.cache, task.scene)
    method = make_method(task.method, task.budget, Path(task.cache))
    key = fold_key(
        method=task.method,
        scene=task.scene,
        bands=len(scene.bands),
        classes=scene.classes,
        protocol=task.protocol.to_json(),
        identity=method.identity(scene),
    )
    return KeptFolds(Path(task.cache) / "folds", task.scene, task.method, key)


def run_task(task: Task) -> Outcome:
    """Work on a fold, and keep it."""
    import torch

    torch.set_num_threads(1)
    began = time.monotonic()
    try:
        scene = scene_of(task.data, task.cache, task.scene)
        kept = kept_folds_of(task)
        training, test = task.protocol.divide(scene, task.seed, task.fold)
        method = make_method(task.method, task.budget, Path(task.cache))
        guess = method.guess(scene, training, test, task.seed, kept.name)
        kept.save(task.seed, task.fold, guess)
    except Exception as error:
        return Outcome(task, time.monotonic() - began, error=f"{type(error).__name__}: {error}")
    told = scene.pixels.told[test]
    right = {name: np.mean(found == told) for name, found in guess.parts.items()}
    said = ", ".join(f"{name} {share:.3f}".strip() for name, share in right.items())
    return Outcome(task, time.monotonic() - began, said)
