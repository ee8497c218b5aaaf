"""One step of the optimiser, in as many parts as memory asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..progress import Progress
from ..runtime.memory_errors import is_out_of_memory, release_memory
from .batches import draw_batch
from .objectives import Objective
from .precision import computing_in
from .state import Lesson, TrainingState

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def take_step(
    state: TrainingState,
    lesson: Lesson,
    batches: Sequence[Tensor],
    objective: Objective,
    *,
    generator: torch.Generator,
    progress: Progress,
) -> float:
    """One step of the optimiser; returns the mean loss of its batches.

    A batch is taken in parts of ``micro_batch`` patches, which halves where memory runs out.

    Args:
        state: changed in place.
        lesson: what is learnt.
        batches: positions of training pixels; the gradients of all are averaged.
        objective: the loss.
        generator: of the epoch.
        progress: asked before every batch.
    """
    import torch

    state.micro_batch = state.micro_batch or lesson.settings.batch_size
    patches = sum(len(batch) for batch in batches)
    drawn, turned = torch.get_rng_state(), generator.get_state()
    while True:
        state.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        try:
            for batch in batches:
                progress.check_cancel()
                for part in parts_of(batch, state.micro_batch):
                    share = len(part) / patches
                    total += _learn(
                        state, lesson, part, objective, generator=generator, share=share
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
    if lesson.settings.clip:
        clip_gradients(state.network, lesson.settings.clip)
    state.optimiser.step()
    return total


def _learn(
    state: TrainingState,
    lesson: Lesson,
    part: Tensor,
    objective: Objective,
    *,
    generator: torch.Generator,
    share: float,
) -> float:
    """Add the gradients of a part, which is this share of its step; returns its share of loss."""
    settings = lesson.settings
    patches, targets = draw_batch(lesson.source, lesson.training, part, settings, generator)
    forward = getattr(state.network, "forward_members", state.network)
    with computing_in(settings.precision, lesson.source.device.type):
        logits = forward(patches)
    loss = targets.loss(objective, logits.float())
    (loss * share).backward()
    return float(loss.detach()) * share


def clip_gradients(network: nn.Module, longest: float) -> None:
    """Shorten gradients that are too long together; most are not and are left as they are."""
    from torch.nn import utils

    learnt = [weight for weight in network.parameters() if weight.grad is not None]
    norm = utils.get_total_norm([weight.grad for weight in learnt if weight.grad is not None])
    if not norm <= longest:  # what is no number is not left as it is
        utils.clip_grads_with_norm_(learnt, longest, norm)


def parts_of(batch: Tensor, size: int) -> list[Tensor]:
    """Divide a batch; one patch alone joins its neighbours, batch norm cannot learn from it."""
    parts = list(batch.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [batch[-size - 1 :]]
    return parts
