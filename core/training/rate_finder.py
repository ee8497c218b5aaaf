"""Which learning rate to take: growing rates tried on a copy of the network (Smith 2017)."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..progress import Progress
from ..runtime.seeds import seed_torch, torch_generator
from .freezing import learning_mode
from .objectives import make_objective
from .optimisers import make_optimiser
from .state import Lesson, TrainingState
from .steps import take_step

if TYPE_CHECKING:
    from torch import Tensor

TRIAL = "learning_rate_trial"  # what a model's figures call it
LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 120
# Of the losses, as single batches are noisy; more of it lags behind, and finds the lowest loss at
# too large a rate.
SMOOTHING = 0.8
HOPELESS = 4.0  # times the lowest loss so far: larger rates are not tried any more
BELOW = 10.0  # the suggestion is so much lower than the rate of the lowest loss


def find_learning_rate(
    state: TrainingState, lesson: Lesson, progress: Progress
) -> Mapping[str, Any]:
    """Try growing learning rates, a batch each, and suggest one.

    A copy of the network learns, on its own random numbers: neither weights nor what the
    training draws are touched.

    Args:
        state: before the first step.
        lesson: what is learnt.
        progress: told what is suggested; asked before every batch.

    Returns:
        ``rates`` and the smoothed ``losses`` at them, and what is ``suggested``: a tenth of the
        rate where the loss was lowest, which is still going down there; None where no rate
        lowered the loss.
    """
    import torch

    device = next(state.network.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        rates, losses = _sweep(state, lesson, progress)
    suggested = _suggested(rates, losses)
    if suggested is None:
        progress.log(
            f"Learning-rate finder: no rate from {LOWEST:g} to {HIGHEST:g} lowers the loss in "
            f"{STEPS} batches; nothing is suggested."
        )
    else:
        progress.log(
            f"Learning-rate finder: a LEARNING_RATE of {suggested:.1e} is suggested; this "
            f"training takes {lesson.settings.learning_rate:.1e}."
        )
    return {"rates": rates, "losses": losses, "suggested": suggested}


def _sweep(
    state: TrainingState, lesson: Lesson, progress: Progress
) -> tuple[list[float], list[float]]:
    settings = replace(lesson.settings, accumulate=1)
    seed_torch(settings.seed, "learning rates")
    generator = torch_generator(settings.seed, "learning rates")
    network = copy.deepcopy(state.network)
    trial = TrainingState(
        network,
        make_optimiser(network, settings),
        micro_batch=state.micro_batch,
        frozen=state.frozen,
    )
    objective = make_objective(settings, lesson.weights)
    own = replace(lesson, settings=settings)
    learning_mode(network, trial.frozen)
    rates: list[float] = []
    losses: list[float] = []
    mean = 0.0
    for step in range(STEPS):
        rate = LOWEST * (HIGHEST / LOWEST) ** (step / (STEPS - 1))
        for group in trial.optimiser.param_groups:
            group["lr"] = rate
        batch = _batch(len(lesson.training), settings.batch_size, generator)
        loss = take_step(trial, own, [batch], objective, generator=generator, progress=progress)
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smooth = mean / (1 - SMOOTHING ** (step + 1))
        if not math.isfinite(smooth) or (losses and smooth > HOPELESS * min(losses)):
            break
        rates.append(rate)
        losses.append(smooth)
    return rates, losses


def _batch(count: int, size: int, generator: Any) -> Tensor:
    """Draw a batch of training pixels."""
    import torch

    return torch.randperm(count, generator=generator)[:size]


def _suggested(rates: list[float], losses: list[float]) -> float | None:
    """Return a rate well below that of the lowest loss, with two digits."""
    if not losses:
        return None
    lowest = min(range(len(losses)), key=losses.__getitem__)
    if not lowest or rates[lowest] / BELOW < LOWEST:
        return None
    return float(f"{rates[lowest] / BELOW:.1e}")
