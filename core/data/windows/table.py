"""The table of a stack: a line a window, as CSV that any program opens."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ...errors import ChipSetError, reason, shortened
from ..separation import SPLIT_NAMES
from .stack import StackShape, WindowSamples

_PLACES = ("row", "col", "x", "y")
_COLUMNS = ("split", "group", "class", "name")
_AT_ONCE = 4096  # lines


def columns_of(shape: StackShape) -> list[str]:
    """Return the names of the columns that say what a window is."""
    return ["window", *(_PLACES if shape.grid else ()), *_COLUMNS]


def lines_of(shape: StackShape, samples: WindowSamples, first: int) -> Iterator[list[Any]]:
    """Yield the cells of the samples' lines.

    Args:
        shape: of the stack.
        samples: some of its windows.
        first: number of the first of them, from 0.
    """
    if shape.grid:
        x, y = shape.grid.xy(samples.row, samples.col)
        across, up = x.tolist(), y.tolist()
    rows, cols, labels = samples.row.tolist(), samples.col.tolist(), samples.label.tolist()
    splits, groups = samples.split.tolist(), samples.group.tolist()
    for place in range(len(samples)):
        item = shape.classes[labels[place] - 1]
        where = [rows[place], cols[place], across[place], up[place]] if shape.grid else []
        told = [SPLIT_NAMES[splits[place]], groups[place], item.code, item.name]
        yield [first + place, *where, *told]


class TableWriter:
    """Writes a table line by line, with or without the values of each window."""

    def __init__(self, path: Path, shape: StackShape, values: Sequence[str] = ()) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        self._lines = csv.writer(self._file, lineterminator="\n")
        self._shape = shape
        self._done = 0
        self._lines.writerow([*columns_of(shape), *values])

    def append(self, samples: WindowSamples, values: Sequence[Sequence[Any]] = ()) -> None:
        """Add the lines of some windows; ``values`` go behind them, a row a window."""
        lines = lines_of(self._shape, samples, self._done)
        if values:
            lines = ([*line, *row] for line, row in zip(lines, values))
        self._lines.writerows(lines)
        self._done += len(samples)

    def close(self) -> None:
        """Write what is left; a full disk shows here."""
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file without a word."""
        with suppress(OSError):
            self._file.close()


def read_table(path: Path, shape: StackShape, values: int = 0) -> WindowSamples:
    """Read what the windows of a stack are.

    Args:
        path: the table.
        shape: of the stack.
        values: how many columns of values follow; they are not read.

    Raises:
        ChipSetError: it is missing, damaged, or says anything that cannot be.
    """
    lines = TableLines(path, shape, values)
    cells = [lines.numbers(number, line) for part in lines for number, line in part]
    columns = np.array(cells, dtype=np.int64).reshape(-1, 5).T
    label, split, group, row, col = columns
    places = (group.astype(np.int32), row.astype(np.int32), col.astype(np.int32))
    return WindowSamples(label.astype(np.uint16), split.astype(np.uint8), *places)


class TableLines:
    """The lines of a table, in parts.

    Args:
        path: the table.
        shape: of the stack it belongs to.
        values: how many columns of values follow those that say what a window is.

    Raises:
        ChipSetError: while it is read: it is missing, no table, or not that of the stack.
    """

    def __init__(self, path: Path, shape: StackShape, values: int = 0) -> None:
        self.columns = columns_of(shape)
        self._path = path
        self._shape = shape
        self._width = len(self.columns) + values
        self._codes = {str(item.code): value for value, item in enumerate(shape.classes, 1)}

    def __iter__(self) -> Iterator[list[tuple[int, list[str]]]]:
        """Yield lists of lines with their numbers, from 0."""
        seen, count = 0, self._shape.count
        with _opened(self._path) as file:
            try:
                lines = csv.reader(file, strict=True)
                self._check_head(next(lines, []))
                while part := list(islice(lines, _AT_ONCE)):
                    for at, line in enumerate(part, seen):
                        if len(line) != self._width or at >= count:
                            raise self._wrong(at, line)
                    yield list(enumerate(part, seen))
                    seen += len(part)
            except (csv.Error, UnicodeDecodeError) as error:
                raise ChipSetError(
                    f"{self._path} is damaged: {reason(error)}. Export the chips again."
                ) from error
        if seen != count:
            raise ChipSetError(
                f"{self._path} has {seen:,} lines for {count:,} windows. Export the chips again."
            )

    def numbers(self, number: int, line: Sequence[str]) -> tuple[int, int, int, int, int]:
        """Return label, split, group, row and column of a line.

        Raises:
            ChipSetError: they are none, or cannot be.
        """
        cells, grid = dict(zip(self.columns, line)), self._shape.grid
        try:
            label = self._codes[cells["class"]]
            split = SPLIT_NAMES.index(cells["split"])
            group = int(cells["group"])
            row, col = (int(cells["row"]), int(cells["col"])) if grid else (number, 0)
        except (KeyError, ValueError):
            raise self._wrong(number, line) from None
        inside = grid is None or (0 <= row < grid.height and 0 <= col < grid.width)
        if not inside or abs(group) >= 2**31:
            raise self._wrong(number, line)
        return label, split, group, row, col

    def _check_head(self, head: Sequence[str]) -> None:
        if head[: len(self.columns)] != self.columns or len(head) != self._width:
            raise ChipSetError(
                f"{self._path} has other columns than the chip set says: {self._width} were "
                f"expected, the first of them {', '.join(self.columns)}. Export the chips again."
            )

    def _wrong(self, number: int, line: Sequence[str]) -> ChipSetError:
        return ChipSetError(
            f"Line {number + 2} of {self._path} does not fit the chip set: "
            f"{shortened(', '.join(line[: len(self.columns)]))}. Export the chips again."
        )


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise ChipSetError(
            f"{path} cannot be read: {error.strerror or error}. Export the chips again."
        ) from error
