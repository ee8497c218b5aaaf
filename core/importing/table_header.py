"""Whether the first line of a table holds names of its columns; what is open is asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from .settings import HEADERS

AUTO, YES, NO = HEADERS
_LIGHT = ((200.0, 30_000.0), (0.2, 30.0))  # nm and µm that bare wavelengths lie in
_FEWEST = 5  # numbers that can be told to be wavelengths
_COUNTED = 3  # numbers that can be told to count; two could be a one-hot label
_ABOVE = 2.0  # times as large as all values below: no sample


def header_of(
    lines: Sequence[Sequence[str]], *, comma: bool, choice: str, name: str
) -> tuple[str, ...]:
    """Return the names of the columns; none where the first line holds values.

    A line with words holds names. One of bare numbers does where they count the columns, or
    where they are wavelengths: they rise (or fall) all along and lie far above all values. A
    table of one column has names only where they are words.

    Args:
        lines: cells of the first lines.
        comma: whether decimals follow a comma.
        choice: one of ``HEADERS``.
        name: of the file.

    Raises:
        InputError: it may hold wavelengths as well as values.
    """
    cells = [cell.strip() for cell in lines[0]]
    numbers = [number_of(cell, comma) for cell in cells]
    words = any(number is None and cell for number, cell in zip(numbers, cells))
    if len(cells) == 1:
        return tuple(cells) if words else ()
    if words:
        return () if choice == NO else tuple(cells)
    if choice == NO or (choice == AUTO and not _names_in_numbers(numbers, lines, comma, name)):
        return ()
    # As every program writes them, so that wavelengths can be read from them.
    return tuple("" if number is None else f"{number:.10g}" for number in numbers)


def _names_in_numbers(
    first: Sequence[float | None], lines: Sequence[Sequence[str]], comma: bool, name: str
) -> bool:
    """Return whether a first line of bare numbers holds names.

    Raises:
        InputError: it may hold wavelengths as well as values.
    """
    # The column of line numbers that pandas writes has no name.
    bare = first[1:] if first[0] is None else first
    values = np.array([np.nan if number is None else number for number in bare])
    if _counts(values):
        return True
    if not _may_be_light(values):
        return False
    below = [[number_of(cell, comma) for cell in line] for line in lines[1:]]
    known = [number for line in below for number in line if number is not None]
    if known and values.min() > _ABOVE * max(known):
        return True
    if _rises(below[0] if below else []) and not _even(values):
        return False
    raise InputError(
        f"The first line of {name}, {values[0]:g} to {values[-1]:g}, may hold wavelengths or the "
        "first sample: its numbers rise or fall all along, as wavelengths do. Say with HEADER "
        "whether it is a line of names: yes or no."
    )


def number_of(cell: str, comma: bool) -> float | None:
    """Return the number of a cell, None where it holds none."""
    try:
        return float(cell.replace(",", ".") if comma else cell)
    except ValueError:
        return None


def _counts(values: np.ndarray) -> bool:  # type: ignore[type-arg]
    """Return whether numbers are 0, 1, 2, ... or 1, 2, 3, ..., as pandas names columns."""
    if len(values) < _COUNTED or values[0] not in (0, 1):
        return False
    return bool((values == np.arange(len(values)) + values[0]).all())


def _may_be_light(values: np.ndarray) -> bool:  # type: ignore[type-arg]
    """Return whether numbers could be wavelengths."""
    if len(values) < _FEWEST or not _rises(values.tolist()):
        return False
    return any(bool((values >= low).all() and (values <= high).all()) for low, high in _LIGHT)


def _rises(numbers: Sequence[float | None]) -> bool:
    """Return whether numbers rise all along, or fall."""
    steps = np.diff(np.array([np.nan if number is None else number for number in numbers]))
    return bool(len(steps) and ((steps > 0).all() or (steps < 0).all()))


def _even(values: np.ndarray) -> bool:  # type: ignore[type-arg]
    """Return whether the steps between numbers are much the same, as those of a sensor are."""
    steps = np.abs(np.diff(values))
    return bool(steps.max() <= 2 * steps.min())
