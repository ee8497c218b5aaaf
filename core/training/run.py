"""A training from settings and chip set to a scored model: of a job, of a fold, of a trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.chips import ChipSetInfo
from ..data.pixel_loading import load_pixels
from ..data.pixel_store import PixelStore
from ..modelfile.bundle import ModelBundle
from ..progress import Portion, Progress, SilentProgress
from ..runtime.devices import Device, choose_device
from .checkpoints import (
    checkpoint_path,
    recorded_threads,
    resume_from,
    save_checkpoint,
    use_threads,
)
from .history import Followed, HistoryFile, history_path
from .initial_model import check_bands, fitted_normalisation, settings_and_start
from .leaking import leak_of_test, warn_of_leak
from .loop import train
from .outcome import trained_model, untrained_model
from .pace import say_how_long
from .precision import choose_precision
from .preflight import check_training, pixel_budget, sketch
from .preparation import check_halo, fit_inputs, run_hash
from .rate_finder import find_learning_rate
from .resolving import not_used
from .scores import predict_splits, split_scores
from .seen import count_seen, warn_of_seen
from .settings import TrainingSettings
from .start import start_training
from .state import Lesson, TrainingState
from .tile_size import fit_tile


@dataclass(frozen=True)
class Task:
    """What is trained, and where.

    Attributes:
        settings: of the training.
        place: that computes.
        initial: the model that it begins with.
    """

    settings: TrainingSettings
    place: Device
    initial: ModelBundle | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training gave.

    Attributes:
        model: with the weights that were kept.
        state: at the end.
        lesson: that was learnt.
        figures: of the validation and test pixels.
        predicted: ``(n,)`` class (1..classes) that the model gives the pixels of each split code
            that has figures, in the order of the store.
    """

    model: ModelBundle
    state: TrainingState
    lesson: Lesson
    figures: Mapping[str, Any]
    predicted: Mapping[int, npt.NDArray[np.int64]]


def make_task(settings: Mapping[str, Any], device: str, progress: Progress) -> Task:
    """Fill the settings and choose the device.

    Args:
        settings: names of ``TrainingSettings``; what is missing takes the network's recipe.
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        progress: told which device it is, and which settings have no effect.

    Raises:
        InputError: for a setting that cannot be.
    """
    chosen, initial = settings_and_start(settings)
    unused = not_used(settings, chosen)
    if unused:
        progress.log(unused)
    place = choose_device(device)
    for note in place.notes:
        progress.log(note)
    precision = choose_precision(chosen.precision, place, progress)
    return Task(replace(chosen, precision=precision), place, initial)


def job_of(info: ChipSetInfo, task: Task) -> str:
    """Return the hash by which a training knows the work of an earlier run of it."""
    settings = fit_tile(info, task.settings, SilentProgress())
    return run_hash(info, settings, task.place, task.initial)


def load_store(
    info: ChipSetInfo, task: Task, *, memory_bytes: int, progress: Progress
) -> PixelStore:
    """Read the pixels of a chip set as a training would.

    Args:
        info: the chip set.
        task: what will be trained on it.
        memory_bytes: pixels are kept in memory up to this size, where the machine has so much.
        progress: told how far it is.

    Raises:
        InputError, ChipSetError: the network cannot learn from this chip set.
    """
    network = sketch(task.settings, info)
    check_halo(network, info)
    radius = int(network.radius)  # type: ignore[arg-type]
    memory_bytes = pixel_budget(memory_bytes)
    return load_pixels(info, memory_bytes=memory_bytes, progress=progress, radius=radius)


def train_model(
    info: ChipSetInfo,
    task: Task,
    *,
    output: str,
    report: str = "",
    resume: bool,
    memory_bytes: int,
    store: PixelStore | None = None,
    runs: int = 1,
    is_fold: bool = False,
    progress: Progress,
) -> Trained:
    """Train a model and score it; its checkpoint stays beside ``output``, which is not written.

    Args:
        info: the chip set.
        task: what is trained.
        output: where the model file will be.
        report: where the report will be, or nothing.
        resume: go on from the checkpoint of the same run where there is one.
        memory_bytes: pixels are kept in memory up to this size.
        store: the pixels of the chip set where they are read already.
        runs: how many such trainings there are, to say how long all of them take.
        is_fold: it is one of a cross-validation, which says of all folds together where test
            pixels are not unseen.
        progress: told what is going on.

    Raises:
        InputError, ChipSetError: for what the user can mend.
        Cancelled: where the user stopped; the last checkpoint stays.
    """
    task = replace(task, settings=fit_tile(info, task.settings, progress))
    chosen, place, initial = task.settings, task.place, task.initial
    if initial is not None:
        check_bands(initial, info)
    checkpoint, job = checkpoint_path(output), run_hash(info, chosen, place, initial)
    if resume:
        use_threads(recorded_threads(checkpoint, job))
    allowed = check_training(
        info,
        chosen,
        place,
        files=(Path(output), checkpoint),
        report=report,
        memory_bytes=memory_bytes,
        progress=progress,
    )
    pixels = allowed.memory_bytes
    if store is None:
        store = load_pixels(
            info,
            memory_bytes=pixels,
            progress=Portion(progress, 0.0, 0.03),
            radius=allowed.radius,
        )
    normalisation = (
        fitted_normalisation(initial) if initial else fit_inputs(store, chosen, progress)
    )
    state, lesson = start_training(
        info,
        store,
        normalisation,
        chosen,
        place=place,
        memory_bytes=pixels,
        progress=progress,
        initial=initial,
    )
    network = state.network
    if resume:
        resume_from(checkpoint, state, job, progress)
    state.micro_batch = min(state.micro_batch or allowed.patches, allowed.patches)
    if chosen.find_learning_rate and not state.epoch:
        state.trial = find_learning_rate(state, lesson, progress)
    say_how_long(state, lesson, sum(info.counts["test"]), progress, runs)
    blank = untrained_model(
        info,
        store,
        normalisation,
        radius=int(getattr(network, "margin", network.radius)),  # type: ignore[arg-type]
        settings=chosen,
        multiple=int(getattr(network, "multiple", 1)),
        initial=initial,
    )
    leak = leak_of_test(info, store, network)
    seen = count_seen(info, store, initial)
    if not is_fold:
        warn_of_leak(leak, network, progress)
        if initial is not None:
            warn_of_seen(seen, info, initial, chosen.initial_model, progress)
    lines = HistoryFile(history_path(output), progress)
    progress.log(f"While it trains, a line an epoch is written to {lines.path}.")

    def save(now: TrainingState) -> None:
        if chosen.checkpoint == "every-epoch" or now.best_epoch == now.epoch:
            save_checkpoint(checkpoint, now, job, trained_model(blank, now, {}))

    train(
        state,
        lesson,
        Followed(Portion(progress, 0.03, 0.97), lines, state.history),
        save,
    )
    network.load_state_dict(state.best)
    predicted = predict_splits(network, lesson.source, store, progress)
    figures = split_scores(predicted, store, info, lesson.source, leak=leak, seen=seen)
    model = trained_model(blank, state, figures)
    return Trained(model, state, lesson, figures, predicted)
