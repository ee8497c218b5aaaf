"""How a table is written: what separates its cells, its names, which columns are bands."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

from ..errors import InputError, shortened
from .table_header import AUTO, header_of

_DELIMITERS = ",;\t"
_NUMBERED = re.compile(r"(\D*?)-?\d+(?:\.\d+)?\D*.*")
_MOST_OTHERS = 200  # columns that are no bands


@dataclass(frozen=True)
class TableForm:
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

    @property
    def only_numbers(self) -> bool:
        """Whether all of its lines are numbers with a character between them."""
        return not self.others and not self.comma and self.delimiter != " "


def form_of(path: Path, bands: str, label: str, header: str = AUTO) -> TableForm:
    """Find out how a table is written, from its first lines.

    Args:
        path: the table.
        bands: what the names of the band columns begin with; empty: it is found out.
        label: name or number (from 1) of a column that is no band.
        header: whether its first line holds names, one of ``HEADERS``.

    Raises:
        InputError: it is empty, has no such column, or it is open what its first line holds.
    """
    with open_text(path) as file:
        lines = [line for line in islice(file, 20) if line.strip()]
    if not lines:
        raise InputError(f"{path.name} is empty; expected a table of spectra.")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    if lines[0].count(delimiter) == 0:
        delimiter = " " if len(lines[0].split()) > 1 else ","
    first, *after = [next(split_cells([line], delimiter)) for line in lines]
    comma = delimiter == ";" and any("," in cell for cell in (after or [first])[0])
    names = header_of([first, *after], comma=comma, choice=header, name=path.name)
    places = _other_columns(path, names, len(first), label)
    if names:
        chosen = _band_columns(path, names, bands, places)
    else:
        chosen = tuple(place for place in range(len(first)) if place not in places)
    others = tuple(place for place in range(len(first)) if place not in set(chosen))
    if len(others) > _MOST_OTHERS:
        raise InputError(
            f"{path.name} has {len(others):,} columns that are no bands, such as "
            f"'{names[others[0]]}'. Give what the names of the bands begin with as VARIABLE."
        )
    return TableForm(delimiter, names, chosen, others, comma)


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


def open_text(path: Path) -> TextIO:
    """Open a table; bytes that are no UTF-8 can only stand in texts."""
    return path.open(encoding="utf-8-sig", errors="replace", newline="")


def split_cells(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the cells of lines."""
    if delimiter == " ":
        return (line.split() for line in lines)
    return csv.reader(lines, delimiter=delimiter)
