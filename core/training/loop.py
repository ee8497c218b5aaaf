"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import HsicnnError
from ..progress import Progress
from ..runtime.seeds import seed_torch, torch_generator
from ..timing import TimeLeft
from .averaging import average_weights, copied, swap
from .freezing import learning_mode
from .objectives import Objective, make_objective
from .schedule import Moment, learning_rate
from .settings import TrainingSettings
from .state import Lesson, TrainingState
from .steps import take_step
from .validation import Figures, better, validate

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ROUNDING = 1e-4  # average accuracies are float32, where the mean of 1, 0 and 0 is above 1/3
LOST = 1e4  # mean loss of an epoch; guessing among 65,000 classes has a cross-entropy of 11


def train(
    state: TrainingState,
    lesson: Lesson,
    progress: Progress,
    save: Callable[[TrainingState], None],
) -> TrainingState:
    """Train until the epochs are done or validation stops getting better.

    Args:
        state: where to start; changed in place.
        lesson: what is learnt, and how.
        progress: told every epoch; asked before every batch.
        save: called with the state after every epoch.

    Raises:
        Cancelled: where the user stopped; the last checkpoint stays.
        HsicnnError: where the loss or a weight is no longer a number.
    """
    settings = lesson.settings
    plain = make_objective(replace(settings, label_smoothing=0.0), lesson.weights)
    left = TimeLeft(state.epoch / settings.epochs)
    if settings.untrained and not state.history:
        _score_untrained(state, lesson, plain, progress)
    while state.epoch < settings.epochs:
        # Before an epoch and not after it: a run resumed at its last one stops as well.
        if settings.patience and state.epoch - state.best_epoch >= settings.patience:
            progress.log(f"Validation has not improved for {settings.patience} epochs: stopped.")
            break
        began = time.monotonic()
        loss = _learn_epoch(state, lesson, progress)
        _check_sound(loss, state, settings)
        figures = _validate(state, lesson, plain, progress)
        state.epoch += 1
        rate = float(state.optimiser.param_groups[0]["lr"])  # of the last step
        row = {"epoch": float(state.epoch), "loss": loss, **figures.row(), "learning_rate": rate}
        state.history.append({**row, "seconds": round(time.monotonic() - began, 3)})
        _keep(state, figures, settings)
        _notice_plateau(state, settings)
        save(state)
        progress.metric("epoch", row)
        progress.report(state.epoch / settings.epochs, _sentence(state, settings, left))
    _say_kept(state, settings, progress)
    _warn_of_guessing(state, lesson, progress)
    return state


def _learn_epoch(state: TrainingState, lesson: Lesson, progress: Progress) -> float:
    """Take the steps of an epoch; returns the mean loss of its batches.

    Everything random in an epoch follows from (seed, epoch), so that it can be resumed.
    """
    settings = lesson.settings
    objective = make_objective(settings, lesson.weights)
    steps, together = steps_an_epoch(len(lesson.training), settings), settings.accumulate
    seed_torch(settings.seed, "epoch", state.epoch)
    generator = torch_generator(settings.seed, "order", state.epoch)
    order = _order(len(lesson.training), steps, settings.batch_size, generator)
    taken = state.epoch * math.ceil(steps / together)
    total = 0.0
    learning_mode(state.network, state.frozen)
    for first in range(0, steps, together):
        batches = order[first : first + together]
        done = (state.epoch + first / steps) / settings.epochs
        rate = learning_rate(settings, Moment(done, taken, state.reductions))
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        loss = take_step(state, lesson, batches, objective, generator=generator, progress=progress)
        if not math.isfinite(loss):
            raise _diverged(f"the loss of batch {first + 1} of {steps} is {loss}", state, settings)
        total += loss * len(batches)
        average_weights(state, settings.averaging, taken)
        taken += 1
        progress.report(done, "")
    return total / steps


def _score_untrained(
    state: TrainingState, lesson: Lesson, objective: Objective, progress: Progress
) -> None:
    """Begin the history with the network as it is; nothing is drawn and nothing kept."""
    began = time.monotonic()
    figures = _validate(state, lesson, objective, progress)
    if figures.pixels:
        row = {"epoch": 0.0, **figures.row()}
        state.history.append({**row, "seconds": round(time.monotonic() - began, 3)})
        progress.metric("epoch", row)


def _validate(
    state: TrainingState, lesson: Lesson, objective: Objective, progress: Progress
) -> Figures:
    """Validate what would be kept: the averaged weights where there are any."""
    if not len(lesson.validation):
        return Figures()
    own = swap(state.network, state.average) if state.average else {}
    try:
        return validate(state.network, lesson.source, lesson.validation, objective, progress)
    finally:
        if own:
            swap(state.network, own)


def _keep(state: TrainingState, figures: Figures, settings: TrainingSettings) -> None:
    """Remember the best epoch, and the weights to keep: its own, or the last ones."""
    improved = not figures.pixels or better(figures, state.best_figures, settings.monitor)
    if improved:
        state.best_epoch = state.epoch
        state.best_figures = figures.row()
    if improved or settings.keep == "last":
        state.best = copied(state.average or state.network.state_dict())
        state.kept_epoch = state.epoch


def _notice_plateau(state: TrainingState, settings: TrainingSettings) -> None:
    """Lower the rate of schedule ``plateau`` where validation has not improved for long."""
    since = state.epoch - max(state.best_epoch, state.reduced_epoch)
    if settings.schedule == "plateau" and since >= settings.plateau_patience:
        state.reductions += 1
        state.reduced_epoch = state.epoch


def steps_an_epoch(count: int, settings: TrainingSettings) -> int:
    """Return the steps of an epoch: one pass over the samples, within the recipe's limits."""
    full, rest = divmod(count, settings.batch_size)
    once = max(full + (rest > 1), 1)  # batch norm cannot learn from a last batch of one
    return min(max(once, settings.shortest_epoch), settings.longest_epoch)


def _order(count: int, steps: int, batch: int, generator: torch.Generator) -> list[Tensor]:
    """Return the batches of an epoch: positions among the samples, each pass in a new order."""
    import torch

    batches: list[Tensor] = []
    while len(batches) < steps:
        drawn = torch.randperm(count, generator=generator).split(batch)
        batches += [part for part in drawn if len(part) > 1 or count == 1]
    return batches[:steps]


def _check_sound(loss: float, state: TrainingState, settings: TrainingSettings) -> None:
    """Refuse weights that are no numbers, which the loss may not show, or lost beyond return.

    Asked once an epoch, with one answer for all of them: a graphics card is waited for once.
    """
    import torch

    if loss > LOST:
        raise _diverged(f"the loss has grown to {loss:.3g}", state, settings)
    found = [*state.network.state_dict().values(), *state.average.values()]
    sound = [torch.isfinite(value).all() for value in found if value.dtype.is_floating_point]
    if not bool(torch.stack(sound).all()):
        raise _diverged("the network's weights are no longer numbers", state, settings)


def _say_kept(state: TrainingState, settings: TrainingSettings, progress: Progress) -> None:
    """Tell the epoch whose weights are kept: its line may not have been shown."""
    rows = [row for row in state.history if row["epoch"] == state.kept_epoch]
    if rows and "validation_overall" in rows[0]:
        progress.log(
            f"Kept are the weights of epoch {state.kept_epoch} of {state.epoch} (KEEP "
            f"'{settings.keep}'): validation {rows[0]['validation_overall']:.3f} overall, "
            f"{rows[0]['validation_average']:.3f} average."
        )


def _warn_of_guessing(state: TrainingState, lesson: Lesson, progress: Progress) -> None:
    """Say where a network is no better than one that always gives the same class."""
    average = state.best_figures.get("validation_average", 1.0)
    classes = len(lesson.validation.target.unique())
    if classes > 1 and average <= 1 / classes + ROUNDING:
        progress.warn(
            f"On validation pixels the network is no better than guessing: the average accuracy "
            f"of {classes} classes is {average:.3f}. LEARNING_RATE is "
            f"{lesson.settings.learning_rate:g}; FIND_LEARNING_RATE suggests one."
        )


def _diverged(found: str, state: TrainingState, settings: TrainingSettings) -> HsicnnError:
    return HsicnnError(
        f"Training diverged in epoch {state.epoch + 1}: {found}. LEARNING_RATE is "
        f"{settings.learning_rate:g}; try a tenth of it, or FIND_LEARNING_RATE to have one "
        "suggested. No model was written; an earlier one is as it was."
    )


def _sentence(state: TrainingState, settings: TrainingSettings, left: TimeLeft) -> str:
    """What the user reads after an epoch."""
    row: dict[str, Any] = state.history[-1]
    parts = [f"epoch {state.epoch} of {settings.epochs}", f"loss {row['loss']:.3f}"]
    if "validation_overall" in row:
        parts.append(f"validation {row['validation_overall']:.3f} overall")
        parts.append(f"{row['validation_average']:.3f} average")
    parts.append(left.text(state.epoch / settings.epochs))
    return ", ".join(part for part in parts if part)
