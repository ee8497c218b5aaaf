"""The job that searches hyperparameters."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...models.catalog import network as catalog_entry
from ..data.chips import ChipSetInfo, read_chip_set
from ..data.pixel_loading import load_pixels
from ..errors import ChipSetError, InputError
from ..progress import Portion, Progress, SilentProgress
from ..raster.output_path import all_distinct, move_into_place
from ..report.files import check_text_output, staged_text
from ..runtime.dependencies import require, version
from ..runtime.job_hash import job_hash
from ..sizes import MIB
from ..timing import duration
from ..training.preflight import check_training
from ..training.preparation import check_outputs
from ..training.run import Task, job_of, make_task
from ..training.settings import TrainingSettings
from ..training.tile_size import fit_tile
from ..training.train import train_classifier
from .bench import Bench
from .best import best_text, chosen_settings, parameters
from .journal import Journal, journal_path
from .page import search_page
from .search import Search, shown
from .settings import MINUTES, MOST_TRIALS, TuneSettings
from .space import Dimension, space
from .trial import FINISHED, PRUNED, Trial, best_of

MINUTE = 60.0
MODEL = "model.safetensors"  # what the call to copy names where no model was asked for


@dataclass(frozen=True)
class TuneResult:
    """What a search found.

    Attributes:
        settings: path of the best settings.
        table: path of the table of trials, empty where none was asked for.
        report: path of the page, likewise.
        output: path of the model, likewise.
        trials_done: how many there were.
        finished: trained to their end.
        pruned: given up as hopeless.
        best_score: of the best trial on validation pixels; of a loss its negative. None where no
            trial has finished.
        recipe_score: of the network's recipe.
        best_trial: its number, counted from 1; 0 where none has finished.
    """

    settings: str
    table: str
    report: str
    output: str
    trials_done: int
    finished: int
    pruned: int
    best_score: float | None
    recipe_score: float | None
    best_trial: int


def tune_hyperparameters(
    *,
    chips: str,
    settings: str,
    table: str = "",
    report: str = "",
    output: str = "",
    training: Mapping[str, Any] | None = None,
    search: Sequence[str] = (),
    minutes: float = TuneSettings.minutes,
    trials: int = TuneSettings.trials,
    device: str = TuneSettings.device,
    memory_mb: int = TuneSettings.memory_mb,
    resume: bool = True,
    progress: Progress | None = None,
) -> TuneResult:
    """Search the settings of a training that are best on validation pixels.

    Args:
        chips: folder of the chip set.
        settings: JSON file to write: the best settings, for 'Train classifier'.
        table: CSV file to write with a row a trial, or nothing.
        report: HTML report to write, or nothing.
        output: model file to write, trained with the best settings after the search, or nothing.
        training: names of ``TrainingSettings`` that all trials have; what is missing takes the
            network's recipe, which is the first trial.
        search: names that are searched; none: the usual ones.
        minutes: time for all trials together.
        trials: at the most; 0: as many as the time allows.
        device: ``auto``, ``cpu``, ``cuda[:n]``, ``mps`` or ``xpu``.
        memory_mb: pixels are kept in memory up to this size, MiB.
        resume: go on with the trials of an earlier run of the same search.
        progress: told what is going on.

    Raises:
        InputError, ChipSetError: for what the user can mend.
        DependencyError: Optuna is missing.
        Cancelled: the user stopped; finished trials are kept for the next run.
    """
    progress = progress or SilentProgress()
    require("optuna")
    _check(minutes, trials, (settings, table, report), output)
    given = {name: value for name, value in (training or {}).items() if value is not None}
    _check_fresh(given)
    task = make_task(given, device, progress)
    base = task.settings
    info = read_chip_set(chips)
    dimensions = _space(info, base, given, search)
    # The recipe alone is fitted: trials of another DEPTH take other tiles.
    allowed = check_training(
        info,
        fit_tile(info, base, progress),
        task.place,
        files=(Path(output or settings), Path(settings)),
        report=report,
        memory_bytes=memory_mb * MIB,
        progress=progress,
    )
    _say_what_comes(dimensions, minutes, trials, progress)
    if info.placed and not info.buffer and any(item.name == "patch_size" for item in dimensions):
        progress.warn(
            "The split has no BUFFER: patches of training hold validation pixels, larger ones more "
            "of them, so that larger patches look better than they are. None larger than "
            f"{base.patch_size} pixels are tried; export with a BUFFER to compare others."
        )
    store = load_pixels(
        info,
        memory_bytes=allowed.memory_bytes,
        progress=Portion(progress, 0.0, 0.02),
        radius=allowed.radius,
    )
    bench = Bench(info, store, task.place, memory_bytes=allowed.memory_bytes, beside=Path(settings))
    job = _job(info, task, dimensions)
    journal = Journal(journal_path(settings), job)
    earlier = journal.read(progress) if resume else []
    if earlier:
        progress.log(f"Going on after {len(earlier)} trials of an earlier run of this search.")
    journal.begin(earlier)
    share = 0.85 if output else 0.97
    run = Search(
        bench, base, given, dimensions, journal=journal, progress=Portion(progress, 0.02, share)
    )
    began = time.monotonic()
    found = run.run(earlier, seconds=minutes * MINUTE, most=trials)
    del bench
    best = best_of(found)
    chosen = run.settings_of({} if best is None or not best.number else best.values)
    told = chosen_settings({*given, *(item.name for item in dimensions)}, chosen)
    call = parameters(str(Path(chips).resolve()), told, output or MODEL)
    notes = _notes(found, best, minutes)
    for note in notes:
        progress.warn(note)
    texts = {
        settings: best_text(best, told, call, found, base.monitor),
        table: trials_table(found, dimensions) if table else "",
        report: search_page(info, base, dimensions, found, call=call, notes=notes, minutes=minutes)
        if report
        else "",
    }
    _write({path: text for path, text in texts.items() if path})
    _say(found, best, base.monitor, time.monotonic() - began, progress)
    if output:
        progress.log("Training with the best settings:")
        train_classifier(
            chips=chips,
            output=output,
            settings=told,
            device=device,
            resume=resume,
            memory_mb=memory_mb,
            progress=Portion(progress, share, 1.0),
        )
    progress.report(1.0, "")
    return TuneResult(
        settings,
        table,
        report,
        output,
        len(found),
        sum(trial.state == FINISHED for trial in found),
        sum(trial.state == PRUNED for trial in found),
        None if best is None else best.score,
        found[0].score if found else None,
        0 if best is None else best.number + 1,
    )


def trials_table(trials: Sequence[Trial], dimensions: Sequence[Dimension]) -> str:
    """Return all trials as CSV, a row each, the recipe first."""
    figures = list(dict.fromkeys(name for trial in trials for name in trial.figures))
    names = [item.name for item in dimensions]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["trial", "state", "score", "epochs", "began", "seconds", *names, *figures, "reason"]
    )
    for trial in trials:
        writer.writerow(
            [
                trial.number + 1,
                trial.state,
                "" if trial.score is None else trial.score,
                trial.epochs,
                trial.began,
                trial.seconds,
                *(trial.values.get(name, "") for name in names),
                *(trial.figures.get(name, "") for name in figures),
                trial.reason,
            ]
        )
    return text.getvalue()


def _check(minutes: float, trials: int, texts: Sequence[str], output: str) -> None:
    """Refuse what cannot work before anything is read."""
    low, high = MINUTES
    if not low <= minutes <= high:
        raise InputError(f"MINUTES is {minutes:g}; it must lie between {low:g} and {high:g}.")
    if not 0 <= trials <= MOST_TRIALS:
        raise InputError(f"TRIALS is {trials}; it must lie between 0 and {MOST_TRIALS}.")
    paths = [path for path in (*texts, output) if path]
    if not all_distinct(paths):
        raise InputError(
            "Two outputs have the same file name; give SETTINGS, TABLE, REPORT and OUTPUT a file "
            "each."
        )
    for path in texts:
        if path:
            check_text_output(path)
    check_outputs(output, "")


def _check_fresh(given: Mapping[str, Any]) -> None:
    """Refuse what a search does not do."""
    if given.get("initial_model"):
        raise InputError(
            "Trials begin afresh: the settings that are searched need not fit the weights of "
            "INITIAL_MODEL. Leave it empty here, and give it to the training with what was found."
        )


def _space(
    info: ChipSetInfo,
    base: TrainingSettings,
    given: Mapping[str, Any],
    search: Sequence[str],
) -> tuple[Dimension, ...]:
    """What is searched on this chip set.

    Raises:
        ChipSetError: it has no validation pixels to choose by.
        InputError: see ``space``.
    """
    if not sum(info.counts.get("validation", ())):
        raise ChipSetError(
            "The chip set has no validation pixels, and nothing else may choose settings. Export "
            "it again with a larger VALIDATION_FRACTION."
        )
    entry = catalog_entry(base.architecture)
    return space(
        base,
        entry,
        bands=len(info.bands),
        patches=_patches(info, base, entry.patch_sizes),
        search=[name.strip().lower() for name in search if name.strip()],
        fixed=(*(name for name in given if name != "options"), *given.get("options", {})),
    )


def _patches(info: ChipSetInfo, base: TrainingSettings, sizes: Sequence[int]) -> list[int]:
    """Sides of patches that can be compared on a chip set.

    A patch that reaches farther than the buffer holds pixels of another split, and validation
    would flatter it. Without a buffer every patch does, the larger the more: none larger than the
    recipe's is tried then. Tiles hold fewer labels the farther a network looks.
    """
    if info.tiles is not None or not base.patch_size:  # networks on tiles go by the chips
        return [base.patch_size]
    most = info.halo
    if info.placed:
        most = min(most, info.buffer or base.patch_size // 2)
    return [size for size in sizes if size // 2 <= most]


def _job(info: ChipSetInfo, task: Task, dimensions: Sequence[Dimension]) -> str:
    """Hash all that decides which trials there are: time and number only say how many."""
    return job_hash(
        training=job_of(info, task),
        space=[repr(item) for item in dimensions],
        optuna=version("optuna"),
    )


def _write(texts: Mapping[str, str]) -> None:
    """Write all files, or none of them."""
    with ExitStack() as stack:
        staged = [stack.enter_context(staged_text(path, text)) for path, text in texts.items()]
        move_into_place(staged)


def _notes(trials: Sequence[Trial], best: Trial | None, minutes: float) -> list[str]:
    """What the user must know of the result."""
    if best is None:
        failed = next((trial.reason for trial in trials if trial.reason), "")
        if failed and all(trial.state != "stopped" for trial in trials):
            raise InputError(
                f"No trial could be trained to its end. The first one failed: {failed}."
            )
        return [
            f"No training has finished in {minutes:g} minutes: the settings are the network's "
            "recipe. Run it again with more MINUTES."
        ]
    return []


def _say_what_comes(
    dimensions: Sequence[Dimension], minutes: float, trials: int, progress: Progress
) -> None:
    most = f", {trials} trials at the most" if trials else ""
    progress.log(f"Searching for {duration(minutes * MINUTE)}{most}:")
    for item in dimensions:
        progress.log(f"  {item.name}: {item.told()} (the recipe: {item.start})")


def _say(
    trials: Sequence[Trial],
    best: Trial | None,
    monitor: str,
    seconds: float,
    progress: Progress,
) -> None:
    if best is None:
        return
    finished = sum(trial.state == FINISHED for trial in trials)
    pruned = sum(trial.state == PRUNED for trial in trials)
    progress.log(
        f"{len(trials)} trials in {duration(seconds)}: {finished} finished, {pruned} pruned. Best "
        f"is trial {best.number + 1} with {shown(best.score, monitor)} on validation pixels; the "
        f"recipe has {shown(trials[0].score, monitor)}. The best of many is optimistic: judge it "
        "on test pixels."
    )
