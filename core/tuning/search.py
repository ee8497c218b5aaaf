"""The search: trials one after the other, until the time or their number is over."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import InputError, reason
from ..progress import Progress
from ..timing import duration
from ..training.resolving import resolve_settings
from ..training.settings import TrainingSettings
from ..training.validation import rank
from .bench import Bench, Outcome
from .journal import Journal
from .sampler import Sampler
from .space import Dimension
from .trial import FAILED, FINISHED, PRUNED, STOPPED, Trial, best_of

MOST_FAILED = 5  # trials, and none that did not fail: nothing can be expected of more
FIGURES = ("epoch", "loss", "validation")  # of a row of the history: how its names begin


class Search:
    """Trials of one network on one chip set.

    Args:
        bench: trains.
        base: settings of the recipe, with what the user has set: the first trial.
        given: what of them the user has set, as ``resolve_settings`` takes it.
        dimensions: what is searched.
        journal: keeps trials.
        progress: told; asked for cancelling.
    """

    def __init__(
        self,
        bench: Bench,
        base: TrainingSettings,
        given: Mapping[str, Any],
        dimensions: Sequence[Dimension],
        *,
        journal: Journal,
        progress: Progress,
    ) -> None:
        self._bench = bench
        self._base = base
        self._given = given
        self._dimensions = tuple(dimensions)
        self._journal = journal
        self._progress = progress
        self._sampler = Sampler(dimensions, base.seed)
        self._began = 0.0
        self._budget = 0.0

    def settings_of(self, values: Mapping[str, Any]) -> TrainingSettings:
        """Return the settings of a trial: its values in place of the recipe's.

        Raises:
            InputError: they do not go together.
        """
        options = {item.name for item in self._dimensions if item.option}
        own = {name: value for name, value in values.items() if name in options}
        changed = {name: value for name, value in values.items() if name not in options}
        return resolve_settings(
            {**self._given, **changed, "options": {**self._base.options, **own}}
        )

    def run(self, earlier: Sequence[Trial], *, seconds: float, most: int) -> list[Trial]:
        """Try settings until the time is over.

        Args:
            earlier: trials of an earlier run of this search; their time counts.
            seconds: for all trials together.
            most: trials; 0: as many as the time allows.

        Returns:
            All trials in their order, the recipe's first.

        Raises:
            Cancelled: the user stopped; the journal keeps the finished trials.
        """
        trials = list(earlier)
        for trial in trials:
            self._sampler.remember(trial)
        spent = trials[-1].began + trials[-1].seconds if trials else 0.0
        self._began, self._budget = time.monotonic() - spent, seconds
        while not most or len(trials) < most:
            left = self._left()
            shortest = min((t.seconds for t in trials if t.state == FINISHED), default=0.0)
            if left <= 0:
                break
            if left < shortest:
                self._progress.log(
                    f"No trial can finish in the {duration(left)} that are left: the search ends."
                )
                break
            trial = self._try(len(trials), trials)
            trials.append(trial)
            self._say(trial, trials)
            if trial.state == STOPPED:  # tried again where the search is given more time
                break
            self._journal.add(trial)
            if len(trials) >= MOST_FAILED and all(item.state == FAILED for item in trials):
                break
        return trials

    def _left(self) -> float:
        return self._began + self._budget - time.monotonic()

    def _try(self, number: int, before: Sequence[Trial]) -> Trial:
        """Run the next trial."""
        began = time.monotonic() - self._began
        if number == 0:
            drawn = self._sampler.recipe()
            values = {item.name: item.start for item in self._dimensions}
            settings: TrainingSettings | None = self._base
        else:
            drawn = self._sampler.propose(number)
            values = {item.name: item.value(drawn[item.name]) for item in self._dimensions}
            settings = None
        outcome = self._outcome(settings, values, _Told(self._progress, self._part(number, before)))
        seconds = time.monotonic() - self._began - began
        trial = _trial(number, drawn, values, outcome, self._base.monitor)
        trial = dataclasses.replace(trial, began=round(began, 3), seconds=round(seconds, 3))
        if number == 0:
            self._sampler.remember(trial)
        else:
            self._sampler.end(trial)
        return trial

    def _outcome(
        self, settings: TrainingSettings | None, values: Mapping[str, Any], progress: Progress
    ) -> Outcome:
        """Train with settings, or with those that follow from values, which may contradict."""
        if settings is None:
            try:
                settings = self.settings_of(values)
            except InputError as error:
                return Outcome(FAILED, [], 0, [], reason(error))
            settings = dataclasses.replace(settings, precision=self._base.precision)
        deadline = self._began + self._budget
        return self._bench.run(settings, self._sampler.is_hopeless, deadline, progress)

    def _part(self, number: int, before: Sequence[Trial]) -> Callable[[str], tuple[float, str]]:
        """Return what gives the share of the search that is over, and a sentence."""
        best = best_of(before)

        def told(text: str) -> tuple[float, str]:
            left = max(self._left(), 0.0)
            found = f", best so far {shown(best.score, self._base.monitor)}" if best else ""
            share = min(1.0 - left / self._budget, 1.0)
            return share, f"trial {number + 1}: {text}{found}, {duration(left)} left"

        return told

    def _say(self, trial: Trial, trials: Sequence[Trial]) -> None:
        """Tell the user what became of a trial."""
        monitor = self._base.monitor
        changed = ", ".join(f"{name} {_short(value)}" for name, value in trial.values.items())
        what = "the recipe" if trial.number == 0 else changed
        score = f" {shown(trial.score, monitor)}" if trial.score is not None else ""
        if trial.curve and trial.state != FINISHED:
            at, there = trial.curve[-1]
            score = f" at {at} % of the training, with {shown(there, monitor)}"
        mark = ""
        if best_of(trials) is trial and trial.number:
            mark = " (the best so far)"
        why = f": {trial.reason}" if trial.reason else ""
        self._progress.log(
            f"Trial {trial.number + 1}, {trial.state}{score}{mark}, {duration(trial.seconds)}: "
            f"{what}{why}"
        )
        row = {"trial": float(trial.number), "seconds": trial.seconds}
        if trial.score is not None:
            row["score"] = trial.score
        self._progress.metric("trial", row)


class _Told:
    """Turns a training's own share into the search's."""

    def __init__(self, whole: Progress, told: Callable[[str], tuple[float, str]]) -> None:
        self._whole = whole
        self._told = told

    def report(self, _fraction: float, text: str = "") -> None:
        """Report how much of the time is over."""
        self._whole.report(*self._told(text))

    def log(self, _text: str) -> None:
        """Keep a trial's own words to itself: there may be hundreds of trials."""

    def warn(self, _text: str) -> None:
        """Keep them as well."""

    def metric(self, _name: str, _values: Mapping[str, float]) -> None:
        """Keep them as well."""

    def check_cancel(self) -> None:
        """Pass the question on."""
        self._whole.check_cancel()


def _trial(
    number: int,
    drawn: Mapping[str, Any],
    values: Mapping[str, Any],
    outcome: Outcome,
    monitor: str,
) -> Trial:
    figures: dict[str, float] = {}
    score = None
    if outcome.state in (FINISHED, PRUNED, STOPPED) and outcome.history:
        rows = {int(row["epoch"]): row for row in outcome.history}
        row = rows.get(outcome.kept, outcome.history[-1])
        figures = {key: value for key, value in row.items() if key.startswith(FIGURES)}
        score = rank(row, monitor)[0] if outcome.state == FINISHED else None
    state, why = outcome.state, outcome.reason
    if state == FINISHED and score is None:  # no epoch: nothing was learnt
        state, why = FAILED, "no epoch was trained"
    epochs = sum(row["epoch"] > 0 for row in outcome.history)
    return Trial(number, state, drawn, values, score, figures, outcome.curve, epochs, 0, 0, why)


def shown(score: float | None, monitor: str) -> str:
    """Return a score as people read it: a loss is smaller where it is better."""
    if score is None:
        return "-"
    return f"loss {-score:.4f}" if monitor == "loss" else f"{score:.4f}"


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
