"""How long a training will take: a step and a prediction timed here, before it begins."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import Cancelled, HsicnnError
from ..progress import Progress, SilentProgress
from ..runtime.memory_errors import is_out_of_memory
from ..timing import duration
from .loop import steps_an_epoch, train
from .optimisers import make_optimiser
from .state import Lesson, TrainingState
from .validation import predict

if TYPE_CHECKING:
    from torch import nn

LONGEST = 0.25  # seconds that a trial may take, as far as the one before it tells
FIRST = 2  # patches that are tried first


def say_how_long(
    state: TrainingState, lesson: Lesson, tested: int, progress: Progress, runs: int = 1
) -> None:
    """Say how long a training will take from here on this machine.

    A copy of the network makes a few steps, so that neither weights nor random numbers of
    the training are touched.

    Args:
        state: where it starts.
        lesson: what is learnt.
        tested: pixels that are scored at the end, besides those of the validation.
        progress: told; asked for cancelling.
        runs: such trainings, of which this is the first to be done.

    Raises:
        Cancelled: where the user stopped.
    """
    epochs = lesson.settings.epochs - state.epoch
    if epochs <= 0:
        return
    try:
        step, prediction = _paces(state, lesson, progress)
    except Cancelled:
        raise
    except (RuntimeError, MemoryError, HsicnnError) as error:
        # What fails here fails there, with its message; memory may be mended there.
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise
        return
    steps = steps_an_epoch(len(lesson.training), lesson.settings)
    validated = len(lesson.validation)
    seconds = epochs * (steps * step + validated * prediction) + (validated + tested) * prediction
    each = f" for all {runs} trainings" if runs > 1 else ""
    progress.log(
        f"Time: about {duration(runs * seconds)}{each}, by a few steps tried on this machine."
    )


def _paces(state: TrainingState, lesson: Lesson, progress: Progress) -> tuple[float, float]:
    """Seconds a step, and seconds a predicted pixel."""
    import torch

    device = next(state.network.parameters()).device
    cards = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cards):
        network = copy.deepcopy(state.network)
        batch = min(state.micro_batch or lesson.settings.batch_size, len(lesson.training))
        seconds, count = _tried(
            lambda count: _steps(network, state.frozen, lesson, count), batch, progress
        )
        step = seconds / count * lesson.settings.batch_size
        samples = lesson.validation if len(lesson.validation) else lesson.training

        def predicted(count: int) -> None:
            # The sum waits for the device.
            float(predict(network, lesson.source, samples.first(count), progress).sum())

        seconds, count = _tried(predicted, len(samples), progress)
        # A few neighbours may take as long as many: a tile predicts all that lie in it.
        share = lesson.source.work(samples.first(count)) / lesson.source.work(samples)
    return step, seconds / share / len(samples)


def _steps(network: nn.Module, frozen: tuple[str, ...], lesson: Lesson, patches: int) -> None:
    """One step of a batch of so many patches."""
    settings = replace(
        lesson.settings, batch_size=patches, epochs=1, shortest_epoch=1, longest_epoch=1
    )
    trial = replace(lesson, settings=settings, validation=lesson.validation.first(0))
    state = TrainingState(network, make_optimiser(network, settings), frozen=frozen)
    train(state, trial, SilentProgress(), lambda _: None)


def _tried(run: Callable[[int], None], most: int, progress: Progress) -> tuple[float, int]:
    """Time growing amounts until one takes long enough to tell; returns seconds and amount."""
    count = min(FIRST, most)
    while True:
        progress.check_cancel()
        # The first run of a size also prepares kernels, which can take longer than what it is for.
        seconds = min(_seconds(run, count), _seconds(run, count))
        more = min(4 * count, most)
        if count == most or seconds * more / count > LONGEST:
            break
        count = more
    return seconds, count


def _seconds(run: Callable[[int], None], count: int) -> float:
    began = time.perf_counter()
    run(count)
    return time.perf_counter() - began
