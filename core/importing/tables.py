"""Tables of spectra as CSV, read in parts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO, Union

import numpy as np

from ..errors import InputError, shortened
from ..progress import Progress
from ..timing import TimeLeft
from .arrays import Container, Guarded, RawArray, StoredArray, damage_named, kind_of
from .table_form import TableForm, form_of, open_text, split_cells
from .table_header import AUTO, number_of

CSV = "a table (CSV)"
VALUES = "values"
_CELLS = 1 << 18  # held as texts at once

#: Lines as they are, of tables that hold only numbers; of others the cells of each.
Lines = Union[list[str], list[list[str]]]


def open_table(
    path: Path, progress: Progress, *, bands: str = "", label: str = "", header: str = AUTO
) -> Container:
    """Return a table: the array ``values`` ``(rows, bands)``, and every other column.

    Args:
        path: the file.
        progress: told how far the table was looked through; asked for cancelling.
        bands: what the names of the band columns begin with; empty: it is found out.
        label: name or number (from 1) of a column that is no band.
        header: whether its first line holds names, one of ``HEADERS``.

    Raises:
        InputError: it is damaged, a cell is no number, or lines differ in length.
    """
    with damage_named(path, CSV):
        form = form_of(path, bands, label, header)
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


def _notes(path: Path, form: TableForm, scan: _Scan) -> tuple[str, ...]:
    head = "with a line of names" if form.header else "without a line of names"
    named = ""
    if form.header and form.bands:
        named = f" ('{form.header[form.bands[0]]}' to '{form.header[form.bands[-1]]}')"
    others = f"{len(form.others)} other column{'' if len(form.others) == 1 else 's'}"
    return (
        f"{path.name}: a table {head}, {scan.rows:,} lines, {len(form.bands)} columns of "
        f"numbers{named} as {scan.dtype.name}, {others}.",
    )


@dataclass(frozen=True, eq=False)
class _Scan:
    """What a table holds: rows, type of its numbers, cells of the columns that are no bands."""

    rows: int
    dtype: np.dtype[Any]
    others: tuple[list[str], ...]


def _scan(path: Path, form: TableForm, progress: Progress) -> _Scan:
    """Look through a table once."""
    rows, whole, least, most = 0, True, 0.0, 0.0
    others: tuple[list[str], ...] = tuple([] for _ in form.others)
    size, left = max(path.stat().st_size, 1), TimeLeft()
    with open_text(path) as file:
        for part in _parts(file, form, path):
            progress.check_cancel()
            rows += len(part)
            for place, cells in zip(form.others, others):
                cells += [row[place].strip() for row in part]
            if form.bands:
                values = _numbers(part, form, rows - len(part), path)
                least, most = min(least, values.min()), max(most, values.max())
                whole = whole and bool((values == np.floor(values)).all())
            done = min(file.buffer.tell() / size, 1.0)  # type: ignore[attr-defined]
            words = (f"looking through {path.name}", left.text(done))
            progress.report(0.3 * done, ", ".join(word for word in words if word))
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

    def __init__(self, path: Path, form: TableForm, rows: int, dtype: np.dtype[Any]) -> None:
        self.shape = (rows, len(form.bands))
        self.dtype = dtype
        self._path = path
        self._form = form
        self._at = rows
        self._read: Iterator[RawArray] = iter(())
        self._waiting = self._nothing

    def __getitem__(self, key: Any) -> RawArray:
        first, *rest = key if isinstance(key, tuple) else (key,)
        start, stop, _ = first.indices(self.shape[0])
        if start < self._at:
            self._read = self._blocks()
            self._at, self._waiting = 0, self._nothing
        kept = [self._waiting]
        ends = self._at + len(self._waiting)
        while ends < stop:
            if ends <= start:  # not asked for
                kept, self._at = [], ends
            kept.append(next(self._read))
            ends += len(kept[-1])
        whole = np.concatenate(kept) if kept else self._nothing
        # What is not asked for yet waits in an array of its own.
        self._waiting = whole[stop - self._at :].copy()
        found = whole[start - self._at : stop - self._at]
        self._at = stop
        return found[(slice(None), *rest)]

    @property
    def _nothing(self) -> RawArray:
        return np.zeros((0, self.shape[1]), self.dtype)

    def _blocks(self) -> Iterator[RawArray]:
        done = 0
        with open_text(self._path) as file:
            for part in _parts(file, self._form, self._path):
                yield _numbers(part, self._form, done, self._path).astype(self.dtype)
                done += len(part)


def _parts(file: TextIO, form: TableForm, path: Path) -> Iterator[Lines]:
    """Yield the lines of a table behind its head, some at a time."""
    most = max(_CELLS // form.columns, 1)
    if form.only_numbers:
        bare = (line.rstrip("\r\n") for line in file if line.strip())
        if form.header:
            next(bare, None)
        while lines := list(islice(bare, most)):
            yield lines
        return
    rows = (row for row in split_cells(file, form.delimiter) if any(map(str.strip, row)))
    if form.header:
        next(rows, None)
    done = 0
    while part := list(islice(rows, most)):
        _check_lengths(part, form, done, path)
        done += len(part)
        yield part


def _check_lengths(rows: Sequence[Sequence[str]], form: TableForm, before: int, path: Path) -> None:
    for number, row in enumerate(rows, before + 1):
        if len(row) != form.columns:
            raise InputError(
                f"Line {number} of the values of {path.name} has {len(row)} cells; the first "
                f"has {form.columns}. The table is damaged or cut short; save it anew."
            )


def _numbers(lines: Lines, form: TableForm, before: int, path: Path) -> RawArray:
    """Return the bands' cells as ``(rows, bands)`` float64."""
    if form.only_numbers:
        found = _of_bare_lines(lines, form)
        if found is not None:
            return found
        lines = list(split_cells(lines, form.delimiter))  # type: ignore[arg-type]
        _check_lengths(lines, form, before, path)
    first, last = form.bands[0], form.bands[-1] + 1
    if last - first == len(form.bands):
        cells = [row[first:last] for row in lines]
    else:
        cells = [[row[place] for place in form.bands] for row in lines]
    if form.comma:
        cells = [[cell.replace(",", ".") for cell in row] for row in cells]
    try:
        return np.array(cells, dtype=np.float64).reshape(len(lines), len(form.bands))
    except ValueError:
        raise _no_number(cells, form, before, path) from None


def _of_bare_lines(lines: Lines, form: TableForm) -> RawArray | None:
    """Return lines of numbers, read by numpy at once; None where anything else is in them."""
    between = form.delimiter
    if any(line.count(between) != form.columns - 1 for line in lines):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy only warns of what it cannot read
        try:
            found = np.fromstring(between.join(lines), dtype=np.float64, sep=between)  # type: ignore[arg-type]
        except (ValueError, DeprecationWarning):
            return None
    return found.reshape(len(lines), -1) if found.size == len(lines) * form.columns else None


def _no_number(
    cells: Sequence[Sequence[str]], form: TableForm, before: int, path: Path
) -> InputError:
    for number, row in enumerate(cells, before + 1):
        for place, cell in zip(form.bands, row):
            if number_of(cell, comma=False) is None:
                column = form.header[place] if form.header else place + 1
                return InputError(
                    f"Line {number} of the values of {path.name} has '{shortened(cell)}' in "
                    f"column {column}, where a number is expected. Write NaN for what is missing, "
                    "or leave that line out."
                )
    return InputError(f"{path.name} holds cells that are no numbers.")


def _column(cells: Sequence[str], comma: bool) -> RawArray:
    """Return a column as whole numbers, numbers, or texts."""
    numbers = [number_of(cell, comma) for cell in cells]
    if any(number is None for number in numbers):
        return np.array(cells, dtype=str)
    found = np.array(numbers, dtype=np.float64)
    if np.isfinite(found).all() and (found == np.rint(found)).all() and abs(found).max() < 2**53:
        return found.astype(np.int64)
    return found
