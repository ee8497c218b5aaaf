"""A recipe fitted to a time: fewer steps of the same schedule, never one that is cut off."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FEWEST_EPOCHS = 10  # where a recipe has more, it keeps as many: an epoch is a line of its history
SHARE = 0.9  # of the budget that steps may take; checkpoints and the first step take the rest
FIRST_TRIAL, LONGEST_TRIAL = 2, 64  # steps
ENOUGH = 0.5  # seconds of a trial that tell the time of a step
REPEATS = 3  # timings of which the least counts: whatever else the machine does adds to one


@dataclass(frozen=True)
class FittedRecipe:
    """The length of a training.

    Attributes:
        epochs: of the schedule.
        longest_epoch: steps an epoch at the most.
        steps: all of them.
        full: steps of the recipe as it is.
        step_seconds: what one takes here.
    """

    epochs: int
    longest_epoch: int
    steps: int
    full: int
    step_seconds: float

    @property
    def share(self) -> float:
        """Of the recipe's own steps; 1 where nothing was shortened."""
        return self.steps / self.full

    def settings(self) -> dict[str, Any]:
        """Return the settings that differ from the recipe's; none where nothing was shortened."""
        if self.steps == self.full:
            return {}
        each = {"shortest_epoch": self.longest_epoch, "longest_epoch": self.longest_epoch}
        return {"epochs": self.epochs, **each}

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def fit_recipe(
    epochs: int, steps: int, longest_epoch: int, *, step_seconds: float, budget: float
) -> FittedRecipe:
    """Shorten a recipe so that its whole schedule fits into a time.

    Schedules go by the share of the steps done, so that warming up and cooling down stay.

    Args:
        epochs: of the recipe.
        steps: of each of its epochs.
        longest_epoch: its limit of them.
        step_seconds: what a step takes.
        budget: seconds; 0 is no limit.
    """
    full = epochs * steps
    allowed = max(int(SHARE * budget / step_seconds), 1) if budget else full
    if allowed >= full:
        return FittedRecipe(epochs, longest_epoch, full, full, step_seconds)
    # Whole epochs first; where even the fewest do not fit, shorter ones.
    kept = min(max(allowed // steps, min(epochs, FEWEST_EPOCHS)), allowed)
    each = min(allowed // kept, steps)
    return FittedRecipe(kept, each, kept * each, full, step_seconds)


def time_step(trial: Callable[[int], float]) -> float:
    """Return the seconds of a step of training.

    Args:
        trial: trains an epoch of so many steps, after one that warmed up; returns the seconds of
            these steps.
    """
    steps = FIRST_TRIAL
    while True:
        seconds = trial(steps)
        if seconds >= ENOUGH or steps >= LONGEST_TRIAL:
            least = min(seconds, *(trial(steps) for _ in range(REPEATS - 1)))
            return max(least, 1e-4) / steps
        steps *= 4


def remembered(path: Path, fit: Callable[[], FittedRecipe]) -> FittedRecipe:
    """Return the length that was fitted first: trainings that belong together are alike.

    Args:
        path: JSON file that remembers it.
        fit: called where the file is not there.
    """
    if not path.exists():
        text = json.dumps(fit().to_json())
        path.parent.mkdir(parents=True, exist_ok=True)
        own = path.with_suffix(f".{os.getpid()}")
        own.write_text(text, encoding="utf-8")
        if not path.exists():  # two processes may have timed it at once; the first one counts
            own.replace(path)
        own.unlink(missing_ok=True)
    return FittedRecipe(**json.loads(path.read_text(encoding="utf-8")))
