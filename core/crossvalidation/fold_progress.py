"""What a fold's training says, as a part of all folds."""

from __future__ import annotations

from collections.abc import Mapping

from ..progress import Progress
from ..timing import TimeLeft


class FoldProgress:
    """Passes on what a training says; time is that of all folds, and nothing is said twice.

    Args:
        part: of the whole job.
        number: of the fold, and how many there are.
        before: share of all folds that is done when this one begins.
        left: of all folds.
        said: warnings of earlier folds; added to.
        first: whether it is the first that is trained: of the others lines are left out.
    """

    def __init__(
        self,
        part: Progress,
        number: tuple[int, int],
        *,
        before: float,
        left: TimeLeft,
        said: set[str],
        first: bool,
    ) -> None:
        self._part = part
        self._name = f"fold {number[0]} of {number[1]}"
        self._share, self._before = 1 / number[1], before
        self._left, self._said, self._first = left, said, first
        self._row: dict[str, float] = {}

    def report(self, fraction: float, text: str = "") -> None:
        """Report the fold's fraction; of its text the epoch, and the time that all folds take."""
        if text and self._row:
            parts = [self._name, f"epoch {self._row['epoch']:.0f}"]
            if "loss" in self._row:
                parts.append(f"loss {self._row['loss']:.3f}")
            parts.append(self._left.text(self._before + self._share * fraction))
            text = ", ".join(part for part in parts if part)
        self._part.report(fraction, text)

    def log(self, text: str) -> None:
        """Pass on the lines of the first fold: they are the same for all."""
        if self._first:
            self._part.log(text)

    def warn(self, text: str) -> None:
        """Pass on a warning once."""
        if text not in self._said:
            self._said.add(text)
            self._part.warn(text)

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Keep an epoch's figures for the text; pass them on."""
        if name == "epoch":
            self._row = dict(values)
        self._part.metric(name, values)

    def check_cancel(self) -> None:
        """Raise ``Cancelled`` if the user asked to stop."""
        self._part.check_cancel()
