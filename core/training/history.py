"""The history of a training as a file that can be read while it goes on: a line an epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..disk import room_left
from ..errors import InputError
from ..progress import Portion, Progress
from ..report.files import write_text


def history_path(output: str) -> Path:
    """Return where the history of a model file's training lies: beside it."""
    return Path(f"{output}.history.jsonl")


class HistoryFile:
    """Writes the rows of a training into a file as they come.

    What the file holds beforehand is replaced with the first row: a training that ends before
    that leaves it alone. A row is appended whole and handed to the system at once. The first time,
    and after anything went wrong, the file is written anew: lines that a killed run has left too
    many, in part or not at all are mended, and none stands twice.

    A file that cannot be written stops no training, because the checkpoint and the model hold the
    same rows: the user is told once, and every epoch tries again.

    Args:
        path: of the file.
        progress: told where it cannot be written.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path = path
        self._progress = progress
        self._written = 0  # rows of the file that are known to be right
        self._told = False

    def follow(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Bring the file up to date.

        Args:
            rows: all rows of the history so far.
        """
        try:
            if 0 < self._written <= len(rows) and self.path.is_file():
                self._append(rows[self._written :])
            elif rows:
                write_text(self.path, _lines(rows))
            self._written = len(rows)
        except (OSError, InputError) as error:
            self._written = 0
            cause = error.__cause__ if isinstance(error, InputError) else error
            self._tell(getattr(cause, "strerror", None) or str(cause or error))

    def _tell(self, found: str) -> None:
        """Warn, once a training."""
        if not self._told:
            self._progress.warn(
                f"The history {self.path} cannot be written ({found}); its disk has "
                f"{room_left(self.path)}. The training goes on: its model holds the same rows, "
                "and the file is tried again after every epoch."
            )
        self._told = True

    def _append(self, rows: Sequence[Mapping[str, float]]) -> None:
        if rows:
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(_lines(rows))


class Followed(Portion):
    """A training's progress that writes its history down with every epoch it is told of.

    Args:
        progress: that is passed everything.
        file: brought up to date at once, and then with every epoch.
        rows: of the history; the training appends to them.
    """

    def __init__(
        self, progress: Progress, file: HistoryFile, rows: Sequence[Mapping[str, float]]
    ) -> None:
        super().__init__(progress, 0.0, 1.0)
        self._file = file
        self._rows = rows
        file.follow(rows)

    def metric(self, name: str, values: Mapping[str, float]) -> None:
        """Write the epoch down before anyone is told of it.

        That of the untrained network comes with the first trained one: what fails before that
        leaves what an earlier training has written.
        """
        if name == "epoch" and values.get("epoch"):
            self._file.follow(self._rows)
        super().metric(name, values)


def _lines(rows: Sequence[Mapping[str, float]]) -> str:
    """Rows as lines, the epoch first and the rest by name: a checkpoint forgets the order.

    JSON knows no infinities: a figure that is no number is null.
    """
    known = [
        {
            name: row[name] if math.isfinite(row[name]) else None
            for name in sorted(row, key=lambda name: (name != "epoch", name))
        }
        for row in rows
    ]
    return "".join(f"{json.dumps(row, allow_nan=False)}\n" for row in known)
