"""What a trial was, and what it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

FINISHED, PRUNED, FAILED, STOPPED = "finished", "pruned", "failed", "stopped"


@dataclass(frozen=True)
class Trial:
    """A training with settings of its own.

    Attributes:
        number: 0 is the recipe.
        state: ``finished``, ``pruned``, ``failed`` or ``stopped``.
        drawn: what the sampler has drawn, by name.
        values: the settings that follow, by name.
        score: of the weights that would be kept; None where it has not finished.
        figures: the row of the history they are of.
        curve: share of the training done in percent, and the score there.
        epochs: that were trained.
        began: seconds since the search began.
        seconds: it took.
        reason: why it failed.
    """

    number: int
    state: str
    drawn: Mapping[str, Any]
    values: Mapping[str, Any]
    score: float | None
    figures: Mapping[str, float]
    curve: Sequence[tuple[int, float]]
    epochs: int
    began: float
    seconds: float
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """Return the finished trial with the best score, the first of equals; None without one."""
    finished = [trial for trial in trials if trial.state == FINISHED and trial.score is not None]
    return max(finished, key=lambda trial: (trial.score or 0.0, -trial.number), default=None)
