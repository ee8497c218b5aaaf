"""The training job: from a chip set to a model file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.chips import ChipSetInfo, read_chip_set
from ..modelfile.bundle import save_bundle
from ..modelfile.summary import describe
from ..progress import Progress, SilentProgress
from ..raster.output_path import move_into_place
from ..report.files import staged_text
from ..sizes import MIB
from .checkpoints import (
    checkpoint_path,
)
from .history import history_path
from .preparation import check_outputs
from .report import training_page
from .run import make_task, train_model
from .sheet import augmented_examples
from .state import Lesson


@dataclass(frozen=True)
class TrainResult:
    """What a training gave.

    Attributes:
        model: path of the model file.
        report: path of the HTML report, empty where none was asked for.
        history: path of the history, a line an epoch.
        architecture: of the network.
        epochs: epochs trained.
        best_epoch: the one whose weights were kept.
        metrics: figures of the ``validation`` and ``test`` pixels of the chip set.
    """

    model: str
    report: str
    history: str
    architecture: str
    epochs: int
    best_epoch: int
    metrics: Mapping[str, Any]


def train_classifier(
    *,
    chips: str,
    output: str,
    report: str = "",
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    resume: bool = True,
    memory_mb: int = 2048,
    progress: Progress | None = None,
) -> TrainResult:
    """Train a pixel classifier on a chip set.

    Args:
        chips: folder of the chip set.
        output: the model file to write, ``.safetensors``; the checkpoint lies beside it.
        report: HTML report to write, or nothing.
        settings: names of ``TrainingSettings``; what is missing takes the network's recipe.
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        resume: go on from the checkpoint of the same run where there is one.
        memory_mb: pixels are kept in memory up to this size, else read from disk.
        progress: told what is going on.

    Raises:
        InputError, ChipSetError: for what the user can mend.
        Cancelled: where the user stopped; the last checkpoint stays.
    """
    progress = progress or SilentProgress()
    task = make_task(settings or {}, device, progress)
    check_outputs(output, report)
    info = read_chip_set(chips)
    if Path(output).exists():
        progress.log(
            f"{Path(output).name} is there from before and is replaced when this training ends; "
            "only an unfinished one is gone on with."
        )
    trained = train_model(
        info,
        task,
        output=output,
        report=report,
        resume=resume,
        memory_bytes=memory_mb * MIB,
        progress=progress,
    )
    bundle = trained.model
    if report:
        # Written first and named last: a disk without room for it leaves the earlier model, and
        # the checkpoint to go on from.
        examples = _examples(trained.lesson, info)
        with staged_text(report, training_page(bundle, info, examples)) as page:
            save_bundle(output, bundle)
            move_into_place([page])
    else:
        save_bundle(output, bundle)
    checkpoint_path(output).unlink(missing_ok=True)
    for line in describe(bundle):
        progress.log(line)
    progress.report(1.0, "")
    return TrainResult(
        output,
        report,
        str(history_path(output)),
        bundle.architecture,
        trained.state.epoch,
        trained.state.kept_epoch,
        trained.figures,
    )


def _examples(lesson: Lesson, info: ChipSetInfo) -> list[str]:
    """The sheet of augmented examples, as pieces of a page."""
    components = info.reduction is not None and not info.reduction.is_selection
    return augmented_examples(lesson, info.bands, info.classes, components=components)
