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
        sizes: how many zones and classes there are; what does not fit them counts for nothing.

    Attributes:
        job_name: the job's name.
        zones: what an earlier run of the job finished, by the number of the zone.
    """

    def __init__(
        self,
        output: str | Path,
        job_name: str,
        job: Mapping[str, object],
        sizes: tuple[int, int],
    ) -> None:
        self.job_name = job_name
        self._path = journal_name(Path(output), job_name)
        self._head = json.dumps(job, sort_keys=True)
        self._sizes = sizes
        self.zones = self._read()

    def begin(self) -> None:
        """Forget what earlier runs finished.

        Raises:
            RasterError: it cannot be written.
        """
        self.zones = {}
        self.mend()

    def mend(self) -> None:
        """Leave nothing in it but what counts, so that lines can be added.

        Raises:
            RasterError: it cannot be written.
        """
        lines = [_line(number, zone) for number, zone in self.zones.items()]
        self._write("w", "\n".join([self._head, *lines]))

    def add(self, number: int, zone: FinishedZone) -> None:
        """Note that a zone is finished, after its tiles were stored.

        Raises:
            RasterError: it cannot be written.
        """
        self._write("a", _line(number, zone))

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
        found = {}
        for line in lines[:-1]:  # what follows the last line break was cut off
            number, zone = _entry(line)
            if zone and 0 <= number < self._sizes[0] and len(zone.counts) == self._sizes[1] + 1:
                found[number] = zone
        return found


def _line(number: int, zone: FinishedZone) -> str:
    return json.dumps({"zone": number, **asdict(zone)})


def _entry(line: str) -> tuple[int, FinishedZone | None]:
    """Return the zone of a line, and its number; nothing where it was cut off."""
    try:
        values = json.loads(line)
        return int(values.pop("zone")), FinishedZone(**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        return -1, None


def outputs_of(journal: Path) -> tuple[str, ...]:
    """Return the outputs of the job that a journal is of; none where it cannot be read."""
    try:
        head = json.loads(journal.read_text(encoding="utf-8").split("\n", 1)[0])
        return tuple(map(str, head["outputs"].values()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ()
