"""Which settings are tried next, and which trials are hopeless: Optuna, kept repeatable.

Tree-structured Parzen estimators (Bergstra et al. 2011, Algorithms for Hyper-Parameter
Optimization, NeurIPS 24) propose, the median rule (Golovin et al. 2017, Google Vizier,
doi:10.1145/3097983.3098043) prunes.

What is proposed for a trial follows from the seed, its number and what the trials before it gave,
and from nothing else: a search that goes on proposes what it would have proposed uninterrupted.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..runtime.dependencies import loaded
from ..runtime.seeds import numpy_generator
from .space import Dimension
from .trial import FINISHED, Trial

DRAWN_FIRST = 6  # trials before the estimators have something to go by
COMPARED = 3  # finished trials before the first one is pruned
UNTOUCHED = 30  # percent of a training in which nothing is pruned


class Sampler:
    """Proposes settings and judges trials on their way.

    Args:
        dimensions: what is searched.
        seed: of the search.

    Raises:
        DependencyError: Optuna is missing or broken.
    """

    def __init__(self, dimensions: Sequence[Dimension], seed: int) -> None:
        self._optuna = loaded("optuna")
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        self._seed = seed
        self._dimensions = tuple(dimensions)
        self._distributions = {item.name: self._distribution(item) for item in dimensions}
        pruner = self._optuna.pruners.MedianPruner(
            n_startup_trials=COMPARED, n_warmup_steps=UNTOUCHED
        )
        self._study = self._optuna.create_study(direction="maximize", pruner=pruner)
        self._running: Any = None

    def remember(self, trial: Trial) -> None:
        """Take a trial into account: one of an earlier run, or the recipe's."""
        states = self._optuna.trial.TrialState
        # What diverges or does not fit is as bad as can be, not unknown.
        state = states.COMPLETE if trial.state == FINISHED else states.PRUNED
        with _quiet():
            self._study.add_trial(
                self._optuna.trial.create_trial(
                    state=state,
                    value=trial.score if trial.state == FINISHED else None,
                    params=dict(trial.drawn),
                    distributions=self._distributions,
                    intermediate_values=dict(trial.curve),
                )
            )

    def recipe(self) -> dict[str, Any]:
        """Return what stands for the recipe; nothing is asked for."""
        return {item.name: item.drawn(item.start) for item in self._dimensions}

    def propose(self, number: int) -> dict[str, Any]:
        """Begin a trial and return what is drawn for it, by name."""
        seed = int(numpy_generator(self._seed, "trial", number).integers(2**31))
        with _quiet():
            self._study.sampler = self._optuna.samplers.TPESampler(
                seed=seed, multivariate=True, n_startup_trials=DRAWN_FIRST
            )
            self._running = self._study.ask(fixed_distributions=self._distributions)
        return dict(self._running.params)

    def is_hopeless(self, step: int, score: float) -> bool:
        """Hear the score of the trial that is running; tells whether to give it up."""
        if self._running is None:
            return False
        self._running.report(score, step)
        return bool(self._running.should_prune())

    def end(self, trial: Trial) -> None:
        """Hear what became of the trial that ``propose`` began."""
        states = self._optuna.trial.TrialState
        with _quiet():
            if trial.state == FINISHED:
                self._study.tell(self._running, trial.score)
            else:
                self._study.tell(self._running, state=states.PRUNED)
        self._running = None

    def _distribution(self, item: Dimension) -> Any:
        kinds = self._optuna.distributions
        if item.kind == "word":
            return kinds.CategoricalDistribution(item.choices)
        if item.kind == "ordered":
            return kinds.IntDistribution(0, len(item.choices) - 1)
        if item.kind == "int":
            return kinds.IntDistribution(int(item.low), int(item.high), log=not item.even)
        return kinds.FloatDistribution(item.low, item.high, log=not item.even)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nobody needs to hear that what is used here may change in a later Optuna."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
