"""Tables of spectra as CSV: the columns that are bands, the others, read in parts."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ..errors import InputError, shortened
from ..progress import Progress
from .arrays import Container, Guarded, RawArray, StoredArray, damage_named, kind_of

CSV = "a table (CSV)"
VALUES = "values"
_DELIMITERS = ",;\t"
_NUMBERED = re.compile(r"(\D*?)-?\d+(?:\.\d+)?\D*.*")
_CELLS = 1 << 20  # read at once
_LIGHT_NM = (200.0, 30_000.0)  # what a row of bare numbers must lie in to be wavelengths
_MOST_OTHERS = 200  # columns that are no bands


@dataclass(frozen=True)
class _Form:
    """How a table is written.

    Attributes:
        delimiter: between cells; a blank stands for any number of blanks.
        header: names of the columns, empty where the first line is one of numbers.
        bands: positions of the columns that are bands.
        others: positions of all others.
        comma: whether decimals follow a comma.
    """

    delimiter: str
    header: tuple[str, ...]
    bands: tuple[int, ...]
    others: tuple[int, ...]
    comma: bool

    @property
    def columns(self) -> int:
        """How many there are."""
        return len(self.bands) + len(self.others)


def open_table(path: Path, progress: Progress, *, bands: str = "", label: str = "") -> Container:
    """Return a table: the array ``values`` ``(rows, bands)``, and every other column.

    Args:
        path: the file.
        progress: told how far the table was looked through; asked for cancelling.
        bands: what the names of the band columns begin with; empty: it is found out.
        label: name or number (from 1) of a column that is no band.

    Raises:
        InputError: it is damaged, a cell is no number, or lines differ in length.
    """
    with damage_named(path, CSV):
        form = _form(path, bands, label)
        scan = _scan(path, form, progress)

    def load() -> Guarded:
        return Guarded(_Rows(path, form, scan.rows, scan.dtype), path, CSV)

    names = tuple(form.header[place] for place in form.bands) if form.header else ()
    shape = (scan.rows, len(form.bands))
    arrays = [StoredArray(VALUES, shape, scan.dtype.name, load)] if form.bands else []
    for place, cells in zip(form.others, scan.others):
        title = form.header[place] if form.header else f"column {place + 1}"
        column = _column(cells, form.comma)
        arrays.append(_stored(title, column))
    return Container(path, CSV, tuple(arrays), (), names, _notes(path, form, scan))


def _stored(title: str, column: RawArray) -> StoredArray:
    return StoredArray(title, column.shape, kind_of(column.dtype), lambda: column)


def _notes(path: Path, form: _Form, scan: _Scan) -> tuple[str, ...]:
    head = "with a line of names" if form.header else "without a line of names"
    named = ""
    if form.header and form.bands:
        named = f" ('{form.header[form.bands[0]]}' to '{form.header[form.bands[-1]]}')"
    others = f"{len(form.others)} other column{'' if len(form.others) == 1 else 's'}"
    return (
        f"{path.name}: a table {head}, {scan.rows:,} lines, {len(form.bands)} columns of "
        f"numbers{named} as {scan.dtype.name}, {others}.",
    )


def _form(path: Path, bands: str, label: str) -> _Form:
    """Find out how a table is written, from its first lines."""
    with _opened(path) as file:
        lines = [line for line in islice(file, 20) if line.strip()][:2]
    if not lines:
        raise InputError(f"{path.name} is empty; expected a table of spectra.")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    if lines[0].count(delimiter) == 0:
        delimiter = " " if len(lines[0].split()) > 1 else ","
    first, *after = [next(_cells([line], delimiter)) for line in lines]
    comma = delimiter == ";" and any("," in cell for cell in (after or [first])[0])
    header = _header(first, after[0] if after else [], comma)
    places = _other_columns(path, header, len(first), label)
    if header:
        chosen = _band_columns(path, header, bands, places)
    else:
        chosen = tuple(place for place in range(len(first)) if place not in places)
    others = tuple(place for place in range(len(first)) if place not in set(chosen))
    if len(others) > _MOST_OTHERS:
        raise InputError(
            f"{path.name} has {len(others):,} columns that are no bands, such as "
            f"'{header[others[0]]}'. Give what the names of the bands begin with as VARIABLE."
        )
    return _Form(delimiter, header, chosen, others, comma)


def _header(first: Sequence[str], second: Sequence[str], comma: bool) -> tuple[str, ...]:
    """Return the names of the columns; none where the first line holds values."""
    numbers = [_number(cell, comma) for cell in first]
    if any(number is None and cell.strip() for number, cell in zip(numbers, first)):
        return tuple(cell.strip() for cell in first)
    # A line of bare wavelengths rises (or falls) all along, and the next one does not.
    values = np.array([np.nan if number is None else number for number in numbers])
    below = np.array([_number(cell, comma) or 0.0 for cell in second])
    low, high = _LIGHT_NM
    if len(values) < 5 or not (values >= low).all() or not (values <= high).all():
        return ()
    steps = np.diff(values)
    rises = (steps > 0).all() or (steps < 0).all()
    again = len(below) == len(values) and ((np.diff(below) > 0).all() or (np.diff(below) < 0).all())
    return tuple(cell.strip() for cell in first) if rises and not again else ()


def _other_columns(path: Path, header: Sequence[str], count: int, label: str) -> set[int]:
    """Return the position of the column that the user named as labels."""
    if not label:
        return set()
    if label in header:
        return {list(header).index(label)}
    digits = label.lower().replace("column", "").strip()
    if not header and digits.isdigit() and 1 <= int(digits) <= count:
        return {int(digits) - 1}
    known = shortened(", ".join(header)) if header else f"columns 1 to {count}, without names"
    raise InputError(f"{path.name} has no column '{label}' for REFERENCE_VARIABLE; it has {known}.")


def _band_columns(
    path: Path, header: Sequence[str], bands: str, others: set[int]
) -> tuple[int, ...]:
    """Return the columns whose names are a number behind the same beginning: ``wl_350``."""
    groups: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        found = _NUMBERED.fullmatch(name)
        if found and place not in others:
            groups.setdefault(found[1].lower(), []).append(place)
    if bands:
        wanted = [p for p, name in enumerate(header) if name.lower().startswith(bands.lower())]
        chosen = tuple(place for place in wanted if place not in others)
        if not chosen:
            raise InputError(
                f"{path.name} has no column whose name begins with '{bands}' (VARIABLE); it has "
                f"{shortened(', '.join(header))}."
            )
        return chosen
    most = max(groups.values(), key=len, default=[])
    return tuple(most) if len(most) > 1 else ()


@dataclass(frozen=True, eq=False)
class _Scan:
    """What a table holds: rows, type of its numbers, cells of the columns that are no bands."""

    rows: int
    dtype: np.dtype[Any]
    others: tuple[list[str], ...]


def _scan(path: Path, form: _Form, progress: Progress) -> _Scan:
    """Look through a table once."""
    rows, whole, least, most = 0, True, 0.0, 0.0
    others: tuple[list[str], ...] = tuple([] for _ in form.others)
    size = max(path.stat().st_size, 1)
    with _opened(path) as file:
        for part in _parts(file, form, path):
            progress.check_cancel()
            rows += len(part)
            for place, cells in zip(form.others, others):
                cells += [row[place].strip() for row in part]
            if form.bands:
                values = _numbers(part, form, rows - len(part), path)
                least, most = min(least, values.min()), max(most, values.max())
                whole = whole and bool((values == np.floor(values)).all())
            progress.report(min(file.buffer.tell() / size, 1.0), f"looking through {path.name}")  # type: ignore[attr-defined]
    if not rows:
        raise InputError(f"{path.name} has a line of names and no line below it.")
    return _Scan(rows, _smallest(whole, least, most), others)


def _smallest(whole: bool, least: float, most: float) -> np.dtype[Any]:
    """Return the smallest type that holds all numbers of a table as they are."""
    names = ("uint8", "int16", "uint16", "int32") if whole else ()
    for name in names:
        limits = np.iinfo(name)
        if limits.min <= least and most <= limits.max:
            return np.dtype(name)
    return np.dtype("float64")


class _Rows:
    """The numbers of a table, read forward; going back begins anew."""

    def __init__(self, path: Path, form: _Form, rows: int, dtype: np.dtype[Any]) -> None:
        self.shape = (rows, len(form.bands))
        self.dtype = dtype
        self._path = path
        self._form = form
        self._at = rows
        self._parts: Iterator[list[list[str]]] = iter(())
        self._file: TextIO | None = None
        self._waiting: list[list[str]] = []

    def __getitem__(self, key: Any) -> RawArray:
        first, *rest = key if isinstance(key, tuple) else (key,)
        start, stop, _ = first.indices(self.shape[0])
        if start < self._at:
            self._begin()
        while self._at + len(self._waiting) < stop:
            self._waiting += next(self._parts)
            if self._at + len(self._waiting) <= start:  # not asked for
                self._at, self._waiting = self._at + len(self._waiting), []
        rows = self._waiting[start - self._at : stop - self._at]
        values = _numbers(rows, self._form, start, self._path).astype(self.dtype)
        self._waiting, self._at = self._waiting[stop - self._at :], stop
        return values[(slice(None), *rest)]

    def _begin(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = _opened(self._path)
        self._parts = _parts(self._file, self._form, self._path)
        self._at, self._waiting = 0, []


def _opened(path: Path) -> TextIO:
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def _cells(lines: Iterator[str] | Sequence[str], delimiter: str) -> Iterator[list[str]]:
    if delimiter == " ":
        return (line.split() for line in lines)
    return csv.reader(lines, delimiter=delimiter)


def _parts(file: TextIO, form: _Form, path: Path) -> Iterator[list[list[str]]]:
    """Yield the lines of a table behind its head, some at a time."""
    lines = (row for row in _cells(file, form.delimiter) if any(cell.strip() for cell in row))
    if form.header:
        next(lines, None)
    done = 0
    while part := list(islice(lines, max(_CELLS // form.columns, 1))):
        for number, row in enumerate(part, done + 1):
            if len(row) != form.columns:
                raise InputError(
                    f"Line {number} of the values of {path.name} has {len(row)} cells; the first "
                    f"has {form.columns}. The table is damaged or cut short; save it anew."
                )
        done += len(part)
        yield part


def _numbers(rows: Sequence[Sequence[str]], form: _Form, before: int, path: Path) -> RawArray:
    """Return the bands' cells as ``(rows, bands)`` float64."""
    first, last = form.bands[0], form.bands[-1] + 1
    if last - first == len(form.bands):
        cells = [row[first:last] for row in rows]
    else:
        cells = [[row[place] for place in form.bands] for row in rows]
    if form.comma:
        cells = [[cell.replace(",", ".") for cell in row] for row in cells]
    try:
        return np.array(cells, dtype=np.float64).reshape(len(rows), len(form.bands))
    except ValueError:
        raise _no_number(cells, form, before, path) from None


def _no_number(cells: Sequence[Sequence[str]], form: _Form, before: int, path: Path) -> InputError:
    for number, row in enumerate(cells, before + 1):
        for place, cell in zip(form.bands, row):
            if _number(cell, comma=False) is None:
                column = form.header[place] if form.header else place + 1
                return InputError(
                    f"Line {number} of the values of {path.name} has '{shortened(cell)}' in "
                    f"column {column}, where a number is expected. Write NaN for what is missing, "
                    "or leave that line out."
                )
    return InputError(f"{path.name} holds cells that are no numbers.")


def _number(cell: str, comma: bool) -> float | None:
    try:
        return float(cell.replace(",", ".") if comma else cell)
    except ValueError:
        return None


def _column(cells: Sequence[str], comma: bool) -> RawArray:
    """Return a column as whole numbers, numbers, or texts."""
    numbers = [_number(cell, comma) for cell in cells]
    if any(number is None for number in numbers):
        return np.array(cells, dtype=str)
    found = np.array(numbers, dtype=np.float64)
    if np.isfinite(found).all() and (found == np.rint(found)).all() and abs(found).max() < 2**53:
        return found.astype(np.int64)
    return found
