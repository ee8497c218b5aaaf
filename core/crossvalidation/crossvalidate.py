"""The job that cross-validates: a model a fold, honest figures, and an ensemble of the folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...models.catalog import network as catalog_entry
from ..data.chips import ChipSetInfo, read_chip_set
from ..modelfile.bundle import ModelBundle
from ..modelfile.ensemble import ensemble_of
from ..progress import Portion, Progress, SilentProgress
from ..sizes import MIB
from ..training.run import Task, load_store, make_task
from ..training.seen import seen_before
from .findings import findings
from .fold_folder import unfinished_folder
from .fold_run import FoldOutcome, run_folds
from .folds import Folds, divide
from .outputs import Outputs
from .page import lead
from .settings import CrossValidationSettings


@dataclass(frozen=True)
class CrossValidationResult:
    """What a cross-validation gave.

    Attributes:
        output: folder of the models, ``fold_1.safetensors`` and so on.
        ensemble: model file of all folds, or empty.
        out_of_fold: raster, or empty.
        report: HTML, or empty.
        json: figures, or empty.
        folds_trained: how many there are.
        overall_accuracy: mean of the folds, 0..1.
        overall_accuracy_sd: its standard deviation over the folds.
        average_accuracy: mean of the folds.
        kappa: mean of the folds; -1 where no fold has one.
        location_only: mean of the folds of what location alone gets right; -1 where samples have
            no place.
        notes: what was done.
        warnings: what makes the figures doubtful.
    """

    output: str
    ensemble: str
    out_of_fold: str
    report: str
    json: str
    folds_trained: int
    overall_accuracy: float
    overall_accuracy_sd: float
    average_accuracy: float
    kappa: float
    location_only: float
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def crossvalidate(
    *,
    chips: str,
    output: str,
    ensemble: str = "",
    out_of_fold: str = "",
    report: str = "",
    json: str = "",
    settings: Mapping[str, Any] | None = None,
    method: str = CrossValidationSettings.method,
    k: int = CrossValidationSettings.k,
    block_size: int | None = CrossValidationSettings.block_size,
    buffer: int | None = CrossValidationSettings.buffer,
    validation_fraction: float = CrossValidationSettings.validation_fraction,
    folds: str = CrossValidationSettings.folds,
    device: str = "auto",
    resume: bool = True,
    memory_mb: int = 2048,
    progress: Progress | None = None,
) -> CrossValidationResult:
    """Train a model for each fold on the other folds, and let it predict the fold.

    Args:
        chips: folder of the chip set; all its samples are divided again.
        output: folder for the models of the folds; unfinished ones lie beside it.
        ensemble: model file to write that averages the folds, or nothing.
        out_of_fold: class raster to write of the samples as they were predicted when held out.
        report: HTML page to write, or nothing.
        json: figures to write, or nothing.
        settings: of the trainings, see ``train_classifier``; SEED is that of the folds too.
        method: see ``CrossValidationSettings``, as for all up to ``folds``.
        k: how many folds.
        block_size: in pixels.
        buffer: in pixels.
        validation_fraction: 0..0.5.
        folds: raster of folds.
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        resume: take what an earlier run of the same job finished, and go on from there.
        memory_mb: pixels are kept in memory up to this size, else read from disk.
        progress: told what is going on.

    Raises:
        InputError, ChipSetError, SplitError, RasterError: for what the user can mend.
        Cancelled: the user stopped; finished folds and the last checkpoint stay.
    """
    progress = progress or SilentProgress()
    wanted = CrossValidationSettings(method, k, block_size, buffer, validation_fraction, folds)
    wanted.check()
    outputs = Outputs(output, ensemble, out_of_fold, report, json)
    folder = outputs.check(tuple(filter(None, (folds,))))
    info = read_chip_set(chips)
    outputs.check_map(info)
    task = make_task(_with_what_is_kept(settings or {}, wanted), device, progress)
    memory_bytes = memory_mb * MIB
    store = load_store(info, task, memory_bytes=memory_bytes, progress=Portion(progress, 0.0, 0.02))
    divided = divide(info, store, wanted, task.settings.seed, progress)
    seen = int(seen_before(info, store, task.initial).sum())
    if seen:
        told = (
            f"{seen:,} of {len(store):,} samples trained the model that every fold begins with: "
            "held out, they are no longer unseen, and the figures flatter."
        )
        divided = replace(divided, warnings=(*divided.warnings, told))
    progress.log(f"{divided.describe()}; every sample is held out once.")
    for note in divided.notes:
        progress.log(note)
    if not validation_fraction:
        progress.log(
            "VALIDATION_FRACTION is 0: all folds keep their last epoch, and nothing is chosen."
        )
    for warning in divided.warnings:
        progress.warn(warning)
    unfinished = unfinished_folder(folder)
    outcomes = run_folds(
        info,
        store,
        divided,
        task,
        folder=unfinished,
        resume=resume,
        memory_bytes=memory_bytes,
        progress=Portion(progress, 0.02, 0.98),
    )
    title = catalog_entry(task.settings.architecture).title
    found = findings(info, store, divided, outcomes, title)
    joined = _ensemble(info, divided, task, outcomes)
    outputs.write(
        folder,
        unfinished,
        info=info,
        store=store,
        found=found,
        ensemble=joined,
        progress=progress,
    )
    progress.log(lead(found))
    for warning in set(found.warnings) - set(divided.warnings):
        progress.warn(warning)
    progress.report(1.0, "")
    figures = {name: spread.mean for name, spread in found.spreads.items()}
    known = {name: -1.0 if value is None else value for name, value in figures.items()}
    return CrossValidationResult(
        output=str(folder),
        ensemble=ensemble,
        out_of_fold=out_of_fold,
        report=report,
        json=json,
        folds_trained=len(outcomes),
        overall_accuracy_sd=found.spreads["overall_accuracy"].deviation or 0.0,
        notes=found.notes,
        warnings=found.warnings,
        **known,
    )


def _with_what_is_kept(
    settings: Mapping[str, Any], wanted: CrossValidationSettings
) -> Mapping[str, Any]:
    """Return settings that keep the last epoch where nothing is held back to choose another.

    That is what cross-validation does unless asked otherwise, and nothing to warn of.
    """
    if wanted.validation_fraction or settings.get("keep") is not None:
        return settings
    return {**settings, "keep": "last"}


def _ensemble(
    info: ChipSetInfo, folds: Folds, task: Task, outcomes: Sequence[FoldOutcome]
) -> ModelBundle:
    """Return the models of the folds as one."""
    first = outcomes[0].model.chips
    chips = {
        **first,
        "split_hash": info.hash,
        "split_method": folds.describe(),
        "block_size": folds.block_size,
        "buffer": folds.buffer,
        "counts": {},
    }
    models = [(f"fold {outcome.number}", outcome.model) for outcome in outcomes]
    return ensemble_of(models, chips=chips, settings=task.settings.to_json())
