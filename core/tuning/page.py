"""The page about a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...models.catalog import network as catalog_entry
from ..data.chips import ChipSetInfo
from ..report import html
from ..report.drawn import drawn
from ..report.html import Cell
from ..report.trial_figures import search_picture, slices_picture
from ..timing import duration
from ..training.settings import TrainingSettings
from .best import command
from .search import shown
from .space import Dimension
from .trial import FINISHED, PRUNED, Trial, best_of

MONITORS: Mapping[str, str] = {
    "balanced": "mean of overall and average accuracy",
    "overall": "overall accuracy",
    "loss": "negative loss",
}
MINUTE = 60.0
MANY = 30  # rows of a table beyond which it opens on a click
FEWEST = 2  # finished trials for a picture of what matters


def search_page(
    info: ChipSetInfo,
    base: TrainingSettings,
    dimensions: Sequence[Dimension],
    trials: Sequence[Trial],
    *,
    call: Mapping[str, Any],
    notes: Sequence[str],
    minutes: float,
) -> str:
    """Return the page.

    Args:
        info: the chip set.
        base: settings of the recipe.
        dimensions: what was searched.
        trials: all of them, the recipe first.
        call: parameters of 'Train classifier' with the best settings.
        notes: what to look at, a sentence each.
        minutes: of the search.
    """
    best = best_of(trials)
    pixels = sum(info.counts.get("validation", ()))
    warned = [
        *notes,
        f"The score of the best of {len(trials)} trials is optimistic: it was chosen for being "
        f"the highest on the same {pixels:,} validation pixels. Test pixels were not looked at; "
        "what the settings are worth is told by a training with them, on its test pixels.",
    ]
    body = [
        html.paragraph(_lead(base, trials, best, minutes), "lead"),
        html.warnings(warned),
        html.heading("The best settings"),
        html.table(["", "Recipe", "Best", "Searched"], _settings(dimensions, best), words=True),
        html.paragraph(
            "To train with them, give the settings file to 'Train classifier', or call:"
        ),
        html.paragraph(command(call)),
        html.heading("The search"),
        *_course(base, trials),
        *_slices(dimensions, trials),
        html.heading("Trials"),
        _table(base, dimensions, trials),
    ]
    return html.page("Search of hyperparameters", body)


def _lead(
    base: TrainingSettings, trials: Sequence[Trial], best: Trial | None, minutes: float
) -> str:
    finished = sum(trial.state == FINISHED for trial in trials)
    pruned = sum(trial.state == PRUNED for trial in trials)
    seconds = trials[-1].began + trials[-1].seconds if trials else 0.0
    told = (
        f"{catalog_entry(base.architecture).title}: {len(trials)} trials in {duration(seconds)} of "
        f"{duration(minutes * MINUTE)}, {finished} finished, {pruned} pruned."
    )
    if best is None:
        return told
    against = f"the recipe has {shown(trials[0].score, base.monitor)}"
    if best.number == 0:
        against = "nothing was better than the network's recipe"
    return (
        f"{told} Best on validation pixels: {shown(best.score, base.monitor)} "
        f"({MONITORS[base.monitor]}); {against}."
    )


def _settings(dimensions: Sequence[Dimension], best: Trial | None) -> list[list[Cell]]:
    values = {} if best is None else best.values
    return [
        [
            item.name.replace("_", " "),
            _text(item.start),
            _text(values.get(item.name, item.start)),
            item.told(),
        ]
        for item in dimensions
    ]


def _course(base: TrainingSettings, trials: Sequence[Trial]) -> list[str]:
    def ends(state: str) -> list[tuple[float, float]]:
        found = []
        for trial in trials:
            last = trial.curve[-1][1] if trial.curve else None
            score = trial.score if state == FINISHED else last
            if trial.state == state and score is not None:
                found.append(((trial.began + trial.seconds) / MINUTE, score))
        return found

    picture = drawn(
        lambda: search_picture(
            ends(FINISHED),
            ends(PRUNED),
            up=MONITORS[base.monitor],
            recipe=trials[0].score if trials else None,
        ),
        "Scores of the trials over time, and the best so far",
    )
    note = (
        "A trial is pruned where its score at a point of its training is below the median of the "
        "trials before at the same point, and stopped where the time is over."
    )
    return [picture, html.paragraph(note, "note")]


def _slices(dimensions: Sequence[Dimension], trials: Sequence[Trial]) -> list[str]:
    finished = [trial for trial in trials if trial.state == FINISHED and trial.score is not None]
    best = best_of(trials)
    if len(finished) < FEWEST or best is None:
        return []
    picture = drawn(
        lambda: slices_picture(
            {item.name: [trial.values[item.name] for trial in finished] for item in dimensions},
            [trial.score or 0.0 for trial in finished],
            best=finished.index(best),
            words={item.name: item.choices for item in dimensions if item.choices},
            factors=[item.name for item in dimensions if not item.even],
            up="score",
        ),
        "Score of every finished trial against each setting",
    )
    note = (
        "Every point is a finished trial, darker the later; the best one is circled. Where points "
        "of any height lie side by side, the setting matters little."
    )
    return [html.heading("What matters"), picture, html.paragraph(note, "note")]


def _table(base: TrainingSettings, dimensions: Sequence[Dimension], trials: Sequence[Trial]) -> str:
    names = [item.name.replace("_", " ") for item in dimensions]
    headers = ["Trial", "Score", "Epochs", "Time", *names, "State"]
    rows: list[list[Cell]] = [
        [
            f"{trial.number + 1}{' (recipe)' if trial.number == 0 else ''}",
            shown(trial.score, base.monitor),
            trial.epochs,
            duration(trial.seconds),
            *(_text(trial.values.get(item.name)) for item in dimensions),
            f"{trial.state}{f': {trial.reason}' if trial.reason else ''}",
        ]
        for trial in trials
    ]
    table = html.table(headers, rows)
    if len(rows) <= MANY:
        return table
    return html.collapsed(f"All {len(rows):,} trials", [table])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
