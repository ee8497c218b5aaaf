"""Learning-rate schedules, as pure functions of the share of training done."""

from __future__ import annotations

import math

from ..errors import InputError

WARM_UP = 0.2  # share of a one-cycle run in which the rate rises
START = 0.04  # of the highest rate, where a one-cycle run begins
FLOOR = 1e-3  # of the highest rate, where a falling schedule ends
MILESTONES = (0.5, 0.75, 0.9)
GAMMA = 0.3  # factor at every milestone, as in the E-TRAINEE course


def learning_rate(schedule: str, highest: float, done: float) -> float:
    """Return the learning rate.

    Args:
        schedule: ``one-cycle`` (cosine up, cosine down; after Smith 2018), ``cosine``,
            ``constant`` or ``multi-step``.
        highest: the highest rate.
        done: share of all steps already taken, 0..1.

    Raises:
        InputError: for an unknown schedule.
    """
    if schedule == "constant":
        return highest
    if schedule == "multi-step":
        passed = sum(done >= milestone for milestone in MILESTONES)
        return highest * float(GAMMA**passed)
    if schedule == "cosine":
        return highest * _between(1.0, FLOOR, done)
    if schedule == "one-cycle":
        if done < WARM_UP:
            return highest * _between(START, 1.0, done / WARM_UP)
        return highest * _between(1.0, FLOOR, (done - WARM_UP) / (1.0 - WARM_UP))
    raise InputError(f"Unknown schedule '{schedule}'.")


def _between(start: float, stop: float, done: float) -> float:
    """Half a cosine from start to stop."""
    return stop + (start - stop) * 0.5 * (1.0 + math.cos(math.pi * min(max(done, 0.0), 1.0)))
