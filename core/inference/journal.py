"""The journal of a classification: which zones are finished, to go on after it was killed.

It lies beside the first output, under a temporary name, as lines of JSON: what the job is, then a
line a zone, written once all its tiles are stored. A line that was cut off counts for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..disk import room_left
from ..errors import RasterError
from ..runtime.leftovers import journal_name


@dataclass(frozen=True)
class FinishedZone:
    """A zone whose tiles are stored.

    Attributes:
        counts: pixels without data, then of every class.
        checksums: by the name of the raster, of its tiles, row by row.
    """

    counts: Sequence[int]
    checksums: Mapping[str, Sequence[int]]


class Journal:
    """The zones that a job has finished.

    Args:
        output: the job's first output.
        job_name: the job's name, hexadecimal, of which its temporary names are made.
        job: what the job is, plain JSON; a journal of any other one counts for nothing.

    Attributes:
        job_name: the job's name.
        zones: what an earlier run of the job finished, by the number of the zone.
    """

    def __init__(self, output: str | Path, job_name: str, job: Mapping[str, object]) -> None:
        self.job_name = job_name
        self._path = journal_name(Path(output), job_name)
        self._head = json.dumps(job, sort_keys=True)
        self.zones = self._read()

    def begin(self) -> None:
        """Forget what earlier runs finished.

        Raises:
            RasterError: it cannot be written.
        """
        self.zones = {}
        self._write("w", self._head)

    def add(self, number: int, zone: FinishedZone) -> None:
        """Note that a zone is finished, after its tiles were stored.

        Raises:
            RasterError: it cannot be written.
        """
        self._write("a", json.dumps({"zone": number, **asdict(zone)}))

    def remove(self) -> None:
        """Delete it: the outputs are in place, or given up."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _write(self, mode: str, line: str) -> None:
        try:
            with self._path.open(mode, encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise RasterError(
                f"{self._path} cannot be written: {error.strerror or error}. Check that its disk "
                f"is not full (it has {room_left(self._path)}), or choose another folder for the "
                "outputs. What was there before is unchanged."
            ) from error

    def _read(self) -> dict[int, FinishedZone]:
        try:
            head, *lines = self._path.read_text(encoding="utf-8").split("\n")
        except (OSError, ValueError):
            return {}
        if head != self._head:
            return {}
        try:
            # What follows the last line break was cut off.
            entries = [json.loads(line) for line in lines[:-1]]
            return {int(entry.pop("zone")): FinishedZone(**entry) for entry in entries}
        except (ValueError, TypeError, KeyError, AttributeError):
            return {}  # this is no journal of ours
