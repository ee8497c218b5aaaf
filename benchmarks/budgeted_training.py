"""Trainings of the plugin's own job within a time: the schedule is fitted, then all of it runs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from budget import FittedRecipe, fit_recipe, remembered, time_step
from hsicnn.core.data.chip_format import ChipSetInfo
from hsicnn.core.modelfile.bundle import ModelBundle, load_bundle
from hsicnn.core.progress import Progress, SilentProgress
from hsicnn.core.training.loop import steps_an_epoch
from hsicnn.core.training.settings import TrainingSettings
from hsicnn.core.training.train import train_classifier
from hsicnn.models.catalog import NETWORKS

MEMORY_MB = 2048
Train = Callable[[TrainingSettings, Path], ModelBundle]


class StepTimer(SilentProgress):
    """Times the steps of an epoch, without the validation after them.

    A training reports after every step without words, and says its figures when it has validated.

    Args:
        whole: may cancel.
        epoch: that is timed, from 2 on.

    Attributes:
        seconds: of its steps.
    """

    def __init__(self, whole: Progress, epoch: int) -> None:
        self._whole = whole
        self._epoch = epoch
        self._began: float | None = None
        self.seconds = 0.0

    def report(self, fraction: float, text: str = "") -> None:  # noqa: ARG002
        """Take the time of a step."""
        if self._began is not None and not text:
            self.seconds = time.perf_counter() - self._began

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Begin with the end of the epoch before, and end with that of the epoch."""
        if name == "epoch":
            timed = values["epoch"] == self._epoch - 1
            self._began = time.perf_counter() if timed else None

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` if the user asked to stop."""
        self._whole.check_cancel()


def train_on(
    info: ChipSetInfo,
    settings: TrainingSettings,
    model: Path,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> ModelBundle:
    """Train on a chip set, on the CPU.

    Args:
        info: the chip set.
        settings: of the training.
        model: file to write; the checkpoint lies beside it.
        resume: go on from the checkpoint.
        progress: told; may cancel.
    """
    train_classifier(
        chips=str(info.folder),
        output=str(model),
        settings=settings.to_json(),
        device="cpu",
        resume=resume,
        memory_mb=MEMORY_MB,
        progress=progress,
    )
    return load_bundle(str(model))


def samples_an_epoch(info: ChipSetInfo, settings: TrainingSettings) -> int:
    """Return how many patches or tiles an epoch passes over; of tiles the most that it can be."""
    if NETWORKS[settings.architecture].kind != "tile":
        return sum(info.counts["train"])
    from hsicnn.core.training.tile_size import fit_tile
    from hsicnn.core.training.windows import most_windows

    return int(most_windows(info, fit_tile(info, settings, SilentProgress()).patch_size))


def fitted_recipe(
    info: ChipSetInfo,
    settings: TrainingSettings,
    *,
    budget: float,
    memory: Path,
    progress: Progress | None = None,
) -> FittedRecipe:
    """Return how long a recipe may be, by steps timed on this machine.

    Args:
        info: the chip set.
        settings: the recipe.
        budget: seconds of steps, validating apart; 0 is no limit.
        memory: JSON file that remembers what was fitted first.
        progress: may cancel.
    """

    def trial(steps: int) -> float:
        short = dataclasses.replace(settings, epochs=2, shortest_epoch=steps, longest_epoch=steps)
        with TemporaryDirectory(prefix="trial-") as folder:
            model = Path(folder) / "model.safetensors"
            timer = StepTimer(progress or SilentProgress(), epoch=2)
            train_on(info, short, model, progress=timer)
            return timer.seconds

    def fit() -> FittedRecipe:
        return fit_recipe(
            settings.epochs,
            steps_an_epoch(samples_an_epoch(info, settings), settings),
            settings.longest_epoch,
            step_seconds=time_step(trial),
            budget=budget,
        )

    return remembered(memory, fit)
