"""Learning-rate schedules, as pure functions of how far a training is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ..errors import InputError
from .settings import TrainingSettings

WARM_UP = 0.2  # share of a one-cycle run in which the rate rises
START = 0.04  # of the highest rate, where a one-cycle run begins
FLOOR = 1e-3  # of the highest rate, where a falling schedule ends


@dataclass(frozen=True)
class Moment:
    """How far a training is.

    Attributes:
        done: share of all batches already taken, 0..1.
        step: steps of the optimiser already taken.
        reductions: how often the rate was lowered because validation did not improve.
    """

    done: float
    step: int = 0
    reductions: int = 0


def learning_rate(settings: TrainingSettings, now: Moment) -> float:
    """Return the learning rate of the next step.

    Args:
        settings: the schedule, its parameters, and the highest rate.
        now: how far the training is.

    Raises:
        InputError: for an unknown schedule, or milestones that cannot be read.
    """
    schedule, highest, done = settings.schedule, settings.learning_rate, now.done
    if schedule == "constant":
        return highest
    if schedule in ("multi-step", "plateau"):
        lowered = now.reductions
        if schedule == "multi-step":
            places = milestones(settings.milestones, settings.epochs)
            lowered = sum(done >= place for place in places)
        return highest * float(settings.rate_factor**lowered)
    if schedule == "inverse-time":
        return highest / (1.0 + settings.rate_decay * now.step)
    if schedule == "cosine":
        return highest * _between(1.0, FLOOR, done)
    if schedule == "one-cycle":
        if done < WARM_UP:
            return highest * _between(START, 1.0, done / WARM_UP)
        return highest * _between(1.0, FLOOR, (done - WARM_UP) / (1.0 - WARM_UP))
    raise InputError(f"Unknown schedule '{schedule}'.")


def milestones(text: str, epochs: int) -> tuple[float, ...]:
    """Read milestones: numbers below 1 are shares of the training, others epochs of it.

    Args:
        text: such as ``0.5, 0.75`` or ``30, 45``.
        epochs: of the training.

    Returns:
        Shares of the training.

    Raises:
        InputError: a part that is no number above 0.
    """
    found = []
    for part in re.split("[,;]", text):
        try:
            value = float(part)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise InputError(
                f"MILESTONES is '{text}'; write numbers above 0 separated by commas: shares of the "
                "training such as '0.5, 0.75', or epochs such as '30, 45'."
            )
        found.append(value if value < 1 else value / epochs)
    return tuple(found)


def _between(start: float, stop: float, done: float) -> float:
    """Half a cosine from start to stop."""
    return stop + (start - stop) * 0.5 * (1.0 + math.cos(math.pi * min(max(done, 0.0), 1.0)))
