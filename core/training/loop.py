"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import HsicnnError
from ..progress import Progress
from ..runtime.memory_errors import is_out_of_memory, release_memory
from ..runtime.seeds import seed_torch, torch_generator
from ..timing import TimeLeft
from .batches import draw_batch
from .objectives import cross_entropy
from .patches import PatchSource, Samples
from .schedule import learning_rate
from .settings import TrainingSettings
from .validation import Figures, better, validate

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Weights = dict[str, "Tensor"]
LONGEST = 5.0  # norm of all gradients together


@dataclass(eq=False)
class TrainingState:
    """Everything a run needs to go on: what a checkpoint holds.

    Attributes:
        network: the network in training.
        optimiser: its optimiser.
        average: the running average of the weights, empty where there is none.
        best: the weights to keep so far.
        kept_epoch: the epoch they are of.
        best_epoch: the epoch with the best validation figures, ``best_figures``.
        history: a row an epoch.
        epoch: epochs finished.
        micro_batch: patches taken at once, smaller than a batch where memory ran out.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    average: Weights = field(default_factory=dict)
    best: Weights = field(default_factory=dict)
    kept_epoch: int = 0
    best_epoch: int = 0
    best_figures: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    epoch: int = 0
    micro_batch: int = 0


@dataclass(frozen=True, eq=False)
class Lesson:
    """What is learnt, and how.

    Attributes:
        source: gathers normalised patches.
        training: centres to learn from.
        validation: centres that choose the weights to keep; may be empty, then the last
            epoch's are kept.
        weights: ``(classes,)`` weights of the loss, on the device.
        settings: the recipe.
    """

    source: PatchSource
    training: Samples
    validation: Samples
    weights: Tensor
    settings: TrainingSettings


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
        progress: told every epoch; asked before every step.
        save: called with the state after every epoch.

    Raises:
        Cancelled: where the user stopped; the last epoch's checkpoint stays.
        HsicnnError: where the loss is no longer a number.
    """
    settings = lesson.settings
    steps = steps_an_epoch(len(lesson.training), settings)
    left = TimeLeft(state.epoch / settings.epochs)
    while state.epoch < settings.epochs:
        # Before an epoch and not after it: a run resumed at its last one stops as well.
        if settings.patience and state.epoch - state.best_epoch >= settings.patience:
            progress.log(f"Validation has not improved for {settings.patience} epochs: stopped.")
            break
        began = time.monotonic()
        # Everything random in an epoch follows from (seed, epoch), so that it can be resumed.
        seed_torch(settings.seed, "epoch", state.epoch)
        generator = torch_generator(settings.seed, "order", state.epoch)
        order = _order(len(lesson.training), steps, settings.batch_size, generator)
        total = 0.0
        state.network.train()
        for step, batch in enumerate(order):
            progress.check_cancel()
            done = (state.epoch + step / steps) / settings.epochs
            for group in state.optimiser.param_groups:
                group["lr"] = learning_rate(settings.schedule, settings.learning_rate, done)
            total += _step(state, lesson, batch, generator, progress)
            _average(state, settings, state.epoch * steps + step)
            progress.report(done, "")
        figures = _validate(state, lesson, progress)
        state.epoch += 1
        row = {"epoch": float(state.epoch), "loss": total / steps, **figures.row()}
        state.history.append({**row, "seconds": round(time.monotonic() - began, 3)})
        _keep(state, figures, settings)
        _check_finite(row["loss"], state, settings)
        save(state)
        progress.metric("epoch", row)
        progress.report(state.epoch / settings.epochs, _sentence(state, settings, left))
    return state


def _step(
    state: TrainingState,
    lesson: Lesson,
    batch: Tensor,
    generator: torch.Generator,
    progress: Progress,
) -> float:
    """One step of the optimiser; returns the batch's mean loss.

    The batch is taken in parts of ``micro_batch`` patches, which halves where memory runs out.
    """
    import torch

    state.micro_batch = state.micro_batch or lesson.settings.batch_size
    drawn, turned = torch.get_rng_state(), generator.get_state()
    while True:
        state.optimiser.zero_grad(set_to_none=True)
        try:
            parts = _parts(batch, state.micro_batch)
            total = sum(
                _learn(state, lesson, part, generator, len(part) / len(batch)) for part in parts
            )
            break
        except (RuntimeError, MemoryError) as error:
            if state.micro_batch <= 2 or not is_out_of_memory(error):
                raise
        state.micro_batch = max(state.micro_batch // 2, 2)
        release_memory(lesson.source.device.type)
        progress.log(
            f"Memory ran out: batches of {lesson.settings.batch_size} patches are learnt in parts "
            f"of {state.micro_batch} from here on."
        )
        # The same patches are drawn again, so that only sums are in another order.
        torch.set_rng_state(drawn)
        generator.set_state(turned)
    _clip(state.network)
    state.optimiser.step()
    return total


def _learn(
    state: TrainingState, lesson: Lesson, part: Tensor, generator: torch.Generator, share: float
) -> float:
    """Add the gradients of a part, which is this share of its batch; returns its share of loss."""
    settings = lesson.settings
    patches, targets = draw_batch(lesson.source, lesson.training, part, settings, generator)
    forward = getattr(state.network, "forward_members", state.network)
    logits = forward(patches)
    loss = targets.loss(cross_entropy, logits, lesson.weights, settings.label_smoothing)
    (loss * share).backward()
    return float(loss.detach()) * share


def _clip(network: nn.Module) -> None:
    """Shorten gradients that are too long together; most are not and are left as they are."""
    from torch.nn import utils

    learnt = [weight for weight in network.parameters() if weight.grad is not None]
    norm = utils.get_total_norm([weight.grad for weight in learnt if weight.grad is not None])
    if not norm <= LONGEST:  # what is no number is not left as it is
        utils.clip_grads_with_norm_(learnt, LONGEST, norm)


def _parts(batch: Tensor, size: int) -> list[Tensor]:
    """Divide a batch; one patch alone joins its neighbours, batch norm cannot learn from it."""
    parts = list(batch.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [batch[-size - 1 :]]
    return parts


def _validate(state: TrainingState, lesson: Lesson, progress: Progress) -> Figures:
    """Validate what would be kept: the averaged weights where there are any."""
    if not len(lesson.validation):
        return Figures()
    own = _swap(state.network, state.average) if state.average else {}
    try:
        return validate(state.network, lesson.source, lesson.validation, lesson.weights, progress)
    finally:
        if own:
            _swap(state.network, own)


def _keep(state: TrainingState, figures: Figures, settings: TrainingSettings) -> None:
    """Remember the best epoch, and the weights to keep: its own, or the last ones."""
    improved = not figures.pixels or better(figures, state.best_figures, settings.monitor)
    if improved:
        state.best_epoch = state.epoch
        state.best_figures = figures.row()
    if improved or settings.keep == "last":
        now = state.average or state.network.state_dict()
        state.best = {name: value.detach().clone() for name, value in now.items()}
        state.kept_epoch = state.epoch


def _average(state: TrainingState, settings: TrainingSettings, step: int) -> None:
    """Move the running average of the weights towards the present ones."""
    import torch

    if not settings.averaging:
        return
    now = state.network.state_dict()
    if not state.average:
        state.average = {name: value.detach().clone() for name, value in now.items()}
        return
    # Early weights are far off: the average forgets faster at the beginning.
    decay = min(settings.averaging, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, value in now.items():
            if value.dtype.is_floating_point:
                state.average[name].lerp_(value, 1 - decay)
            else:
                state.average[name].copy_(value)


def _swap(network: nn.Module, weights: Weights) -> Weights:
    """Load weights and return the ones that were there."""
    own = {name: value.detach().clone() for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    return own


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


def _check_finite(loss: float, state: TrainingState, settings: TrainingSettings) -> None:
    import torch

    if not math.isfinite(loss):
        found = f"the loss is {loss}"
    elif not all(bool(torch.isfinite(value).all()) for value in state.best.values()):
        found = "the network's weights are no longer numbers"
    else:
        return
    raise HsicnnError(
        f"Training diverged in epoch {state.epoch}: {found}. LEARNING_RATE is "
        f"{settings.learning_rate:g}; try a tenth of it."
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
