"""Training the folds one after the other, and going on where an earlier run ended."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.chips import ChipSetInfo
from ..data.pixel_store import PixelStore
from ..data.separation import SPLIT_NAMES, TEST, TRAIN
from ..errors import InputError, ModelFileError
from ..modelfile.bundle import ModelBundle, load_bundle, save_bundle
from ..modelfile.container import read_container, write_container
from ..progress import Portion, Progress
from ..stored_json import check_fields, read_json
from ..timing import TimeLeft
from ..training.checkpoints import checkpoint_path, use_threads
from ..training.run import Task, job_of, train_model
from .fold_folder import model_name
from .fold_progress import FoldProgress
from .folds import Folds, fold_set

IntArray = npt.NDArray[np.int64]
NOTE = "hsicnn_fold"  # the item of the metadata that says which fold it was
_NOTE = {"job": str, "model_id": str, "seconds": float, "threads": int}


@dataclass(frozen=True, eq=False)
class FoldOutcome:
    """What a fold gave.

    Attributes:
        number: of the fold, 1..k.
        model: trained on the others.
        held_out: ``(n,)`` positions of the fold's samples in the store.
        predicted: ``(n,)`` the class (1..classes) that the model gives them.
        training: ``(m,)`` positions of the samples that trained it.
        counts: samples by the name of the split.
        seconds: that its training took.
    """

    number: int
    model: ModelBundle
    held_out: IntArray
    predicted: IntArray
    training: IntArray
    counts: Mapping[str, int]
    seconds: float

    @property
    def epochs(self) -> int:
        """Epochs trained: where there are validation pixels the history begins before them."""
        return sum(row["epoch"] > 0 for row in self.model.history)


def run_folds(
    info: ChipSetInfo,
    store: PixelStore,
    folds: Folds,
    task: Task,
    *,
    folder: Path,
    resume: bool,
    memory_bytes: int,
    progress: Progress,
) -> list[FoldOutcome]:
    """Train a model a fold on the others, and let it predict the fold.

    Args:
        info: the chip set.
        store: its samples.
        folds: which fold holds each of them out.
        task: what is trained.
        folder: of unfinished work: models, predictions, checkpoint.
        resume: take from it what an earlier run of the same job finished.
        memory_bytes: pixels are kept in memory up to this size.
        progress: told how far all of it is.

    Raises:
        InputError, ChipSetError: as a training.
        Cancelled: the user stopped; what is finished stays in the folder.
    """
    sets = [fold_set(info, store, folds, number) for number in range(1, folds.k + 1)]
    jobs = [job_of(own, task) for own, _ in sets]
    _tidy(folder, resume=resume)
    found = [_finished(folder, place + 1, jobs[place], sets[place][1]) for place in range(folds.k)]
    done = sum(item is not None for item in found)
    if done:
        progress.log(f"{done} of {folds.k} folds were finished by an earlier run: going on.")
    outcomes, left, said = [], TimeLeft(done / folds.k), set[str]()
    order = sorted(range(folds.k), key=lambda place: found[place] is None)
    for step, place in enumerate(order):
        progress.check_cancel()
        own, samples = sets[place]
        finished = found[place]
        if finished is None:
            part = Portion(progress, step / folds.k, (step + 1) / folds.k)
            first = step == done
            told = FoldProgress(
                part, (place + 1, folds.k), before=step / folds.k, left=left, said=said, first=first
            )
            finished = _train(
                (own, samples), task, folder, place + 1, jobs[place], resume=resume,
                memory_bytes=memory_bytes, runs=folds.k - step, progress=told,
            )  # fmt: skip
        outcomes.append(_outcome(place + 1, own, samples, finished))
        _say(outcomes[-1], folds.k, progress)
    return sorted(outcomes, key=lambda item: item.number)


@dataclass(frozen=True, eq=False)
class _Finished:
    """A fold that is trained and predicted."""

    model: ModelBundle
    predicted: IntArray
    seconds: float


def _train(
    own: tuple[ChipSetInfo, PixelStore],
    task: Task,
    folder: Path,
    number: int,
    job: str,
    *,
    resume: bool,
    memory_bytes: int,
    runs: int,
    progress: Progress,
) -> _Finished:
    """Train a fold and store what came of it: the model first, then what says that it is whole."""
    import torch

    output = folder / model_name(number)
    began = time.monotonic()
    if resume and checkpoint_path(str(output)).exists():
        progress.log(f"Fold {number}: looking for an earlier run to go on with.")
    trained = train_model(
        own[0],
        task,
        output=str(output),
        resume=resume,
        memory_bytes=memory_bytes,
        store=own[1],
        runs=runs,
        is_fold=True,
        progress=progress,
    )
    seconds, predicted = time.monotonic() - began, trained.predicted[TEST]
    note = {
        "job": job,
        "model_id": trained.model.model_id,
        "seconds": round(seconds, 3),
        "threads": torch.get_num_threads(),
    }
    try:
        save_bundle(str(output), trained.model)
        arrays = {"predicted": predicted.astype(np.int32)}
        write_container(_note_path(folder, number), arrays, {NOTE: json.dumps(note)})
    except OSError as error:
        raise InputError(
            f"{_note_path(folder, number)} cannot be written: {error.strerror or error}. Free some "
            "space, or choose another folder (OUTPUT); finished folds are not trained again."
        ) from error
    checkpoint_path(str(output)).unlink(missing_ok=True)
    return _Finished(trained.model, predicted, seconds)


def _finished(folder: Path, number: int, job: str, samples: PixelStore) -> _Finished | None:
    """Return what an earlier run stored of a fold, where it is whole and of the same job."""
    try:
        texts, _, arrays = read_container(_note_path(folder, number))
        note = check_fields(read_json(texts[NOTE]), _NOTE, "what it says of the fold")
        model = load_bundle(str(folder / model_name(number)))
        predicted = arrays["predicted"]
    except (ModelFileError, KeyError, ValueError):
        return None
    held_out = int((samples.split == TEST).sum())
    if (note["job"], note["model_id"]) != (job, model.model_id) or predicted.shape != (held_out,):
        return None
    if not ((predicted >= 1) & (predicted <= len(model.classes))).all():
        return None
    # Sums depend on how many threads share them: the others go on with the same number.
    use_threads(int(note["threads"]))
    return _Finished(model, predicted.astype(np.int64), float(note["seconds"]))


def _outcome(
    number: int, own: ChipSetInfo, samples: PixelStore, finished: _Finished
) -> FoldOutcome:
    counts = {name: sum(own.counts[name]) for name in SPLIT_NAMES}
    held_out = np.flatnonzero(samples.split == TEST)
    training = np.flatnonzero(samples.split == TRAIN)
    return FoldOutcome(
        number, finished.model, held_out, finished.predicted, training, counts, finished.seconds
    )


def _say(outcome: FoldOutcome, k: int, progress: Progress) -> None:
    test: dict[str, Any] = outcome.model.metrics["test"]
    counts = outcome.counts
    shown = {"overall accuracy": test.get("overall_accuracy"), "kappa": test.get("kappa"),
             "location alone": test.get("location_only")}  # fmt: skip
    parts = [f"{what} {value:.3f}" for what, value in shown.items() if value is not None]
    progress.log(
        f"Fold {outcome.number} of {k}: {counts['train']:,} training, {counts['validation']:,} "
        f"validation, {counts['test']:,} held out, {counts['unused']:,} left out; "
        f"{', '.join(parts)}."
    )


def _note_path(folder: Path, number: int) -> Path:
    return folder / f"fold_{number}.held_out.safetensors"


def _tidy(folder: Path, *, resume: bool) -> None:
    """Make the folder of unfinished work; forget what is in it unless it is gone on with."""
    if not resume:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made: {error.strerror or error}. Choose another place "
            "for OUTPUT."
        ) from error
