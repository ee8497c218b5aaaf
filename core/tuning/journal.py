"""The journal of a search: a line a trial, to go on from.

Optuna's own stores would do as well, but keep objects of its versions; a line of plain JSON is
read by anyone, and a search goes on whatever has been updated in between.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..disk import room_left
from ..errors import HsicnnError
from ..progress import Progress
from ..stored_json import Kinds, check_fields, read_json
from .trial import Trial

VERSION = 1
_FIELDS: dict[str, Kinds] = {
    "number": int,
    "state": str,
    "drawn": dict,
    "values": dict,
    "score": (float, type(None)),
    "figures": dict,
    "curve": list,
    "epochs": int,
    "began": float,
    "seconds": float,
    "reason": str,
}


def journal_path(settings: str) -> Path:
    """Return where the journal of a search lies: beside the settings it writes."""
    return Path(f"{settings}.trials.jsonl")


class Journal:
    """Finished trials of a search on disk.

    Args:
        path: of the file.
        job: hash of the search: trials of another one are not gone on with.
    """

    def __init__(self, path: Path, job: str) -> None:
        self._path = path
        self._job = job

    def read(self, progress: Progress) -> list[Trial]:
        """Return the trials that are there; a line that a kill has cut off is left out."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            progress.warn(f"{self._path.name} cannot be read ({error}): the search starts afresh.")
            return []
        try:
            head = read_json(lines[0]) if lines else {}
            if not isinstance(head, dict) or head.get("version") != VERSION:
                raise ValueError("it is no journal of this version")
        except ValueError as error:
            progress.warn(f"{self._path.name} is damaged ({error}): the search starts afresh.")
            return []
        if head.get("job") != self._job:
            progress.log(
                f"{self._path.name} belongs to a search with other samples, settings or limits and "
                "is not used."
            )
            return []
        trials: list[Trial] = []
        for line in lines[1:]:
            try:
                trial = Trial(**check_fields(read_json(line), _FIELDS, "a trial"))
                if trial.number != len(trials):
                    raise ValueError(f"trial {len(trials)} is missing")
            except (TypeError, ValueError) as error:
                progress.warn(
                    f"{self._path.name} is damaged after {len(trials)} trials ({error}): the "
                    "search goes on from there."
                )
                break
            trials.append(trial)
        return trials

    def begin(self, trials: list[Trial]) -> None:
        """Write the trials to go on from, in place of what is there.

        Raises:
            HsicnnError: it cannot be written.
        """
        lines = [json.dumps({"version": VERSION, "job": self._job})]
        lines += [json.dumps(trial.to_json()) for trial in trials]
        part = self._path.with_name(f".{self._path.name}.partial")
        try:
            part.write_text("\n".join(lines) + "\n", encoding="utf-8")
            part.replace(self._path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise self._failed(error) from error

    def add(self, trial: Trial) -> None:
        """Add a trial, so that it outlives this process.

        Raises:
            HsicnnError: it cannot be written.
        """
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(trial.to_json()) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> HsicnnError:
        return HsicnnError(
            f"The journal {self._path} cannot be written: {error.strerror or error}. Its disk has "
            f"{room_left(self._path)}. Free some space, or choose another folder for SETTINGS, and "
            "start again."
        )
