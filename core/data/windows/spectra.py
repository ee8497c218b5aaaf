"""Stacks of windows of one pixel as tables of spectra: CSV, and LibSVM's sparse lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ChipSetError, reason
from .stack import BoolArray, RawArray, StackShape, WindowSamples
from .table import TableLines, TableWriter

# Digits that lead back to the same number.
_FORMATS = {"float32": "%.9g", "float64": "%.17g"}


class CsvWriter:
    """Writes spectra behind the columns of the table; see ``files.StackWriter``."""

    def __init__(self, path: Path, shape: StackShape) -> None:
        names = [
            f"band_{band.index}" if band.wavelength is None else f"wl_{band.wavelength:.10g}"
            for band in shape.bands
        ]
        # Two detectors may see one wavelength.
        names = [
            name if names.count(name) == 1 else f"{name}_band_{band.index}"
            for name, band in zip(names, shape.bands)
        ]
        self._table = TableWriter(path, shape, names)

    def append(self, pixels: RawArray, _valid: BoolArray | None, samples: WindowSamples) -> None:
        """Write some spectra."""
        self._table.append(samples, _texts(pixels))

    def close(self) -> None:
        """Write what is left."""
        self._table.close()

    def abandon(self) -> None:
        """Let go of the file without a word."""
        self._table.abandon()


def csv_windows(path: Path, shape: StackShape) -> Iterator[tuple[RawArray, None]]:
    """Yield the spectra of a table in order, ``(m, 1, 1, bands)``; there is no mask.

    Raises:
        ChipSetError: the table is missing, damaged, or not that of the stack.
    """
    bands = len(shape.bands)
    for part in TableLines(path, shape, bands):
        texts = [line[-bands:] for _, line in part]
        yield _values(path, texts, shape.dtype).reshape(-1, 1, 1, bands), None


class LibsvmWriter:
    """Writes ``code 1:value 2:value ...``, zeros left out; see ``files.StackWriter``."""

    def __init__(self, path: Path, shape: StackShape) -> None:
        self._codes = [item.code for item in shape.classes]
        self._file = path.open("w", encoding="ascii", newline="\n")

    def append(self, pixels: RawArray, _valid: BoolArray | None, samples: WindowSamples) -> None:
        """Write some spectra."""
        for label, row in zip(samples.label.tolist(), _texts(pixels)):
            cells = " ".join(f"{at}:{text}" for at, text in enumerate(row, 1) if text != "0")
            self._file.write(f"{self._codes[label - 1]} {cells}\n")

    def close(self) -> None:
        """Write what is left."""
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file without a word."""
        with suppress(OSError):
            self._file.close()


def libsvm_windows(path: Path, shape: StackShape) -> Iterator[tuple[RawArray, None]]:
    """Yield the spectra of a LibSVM file in order, ``(m, 1, 1, bands)``; there is no mask.

    Raises:
        ChipSetError: the file is missing, damaged, or not that of the stack.
    """
    bands, seen = len(shape.bands), 0
    try:
        with path.open(encoding="ascii") as file:
            while part := list(islice(file, shape.at_once)):
                texts = [_cells(path, line, bands, at) for at, line in enumerate(part, seen + 1)]
                seen += len(part)
                if seen > shape.count:
                    break
                yield _values(path, texts, shape.dtype).reshape(-1, 1, 1, bands), None
    except (OSError, UnicodeDecodeError) as error:
        raise ChipSetError(
            f"{path} cannot be read: {reason(error)}. Export the chips again."
        ) from error
    if seen != shape.count:
        raise ChipSetError(
            f"{path} has {seen:,} lines or more for {shape.count:,} spectra. Export the chips "
            "again."
        )


def _cells(path: Path, line: str, bands: int, number: int) -> list[str]:
    """Return the values of a line as texts."""
    cells = ["0"] * bands
    try:
        for word in line.split()[1:]:
            place, _, text = word.partition(":")
            if not 1 <= int(place) <= bands:
                raise ValueError
            cells[int(place) - 1] = text
    except ValueError:
        raise ChipSetError(
            f"Line {number} of {path} is none of LibSVM's with up to {bands} values. Export the "
            "chips again."
        ) from None
    return cells


def _texts(pixels: RawArray) -> list[list[str]]:
    """Return ``(n, 1, 1, bands)`` values as texts that lead back to them."""
    flat = pixels.reshape(len(pixels), -1)
    form = _FORMATS.get(pixels.dtype.name)
    if form is None:
        return [[str(value) for value in row] for row in flat.tolist()]
    return [[form % value for value in row] for row in flat.tolist()]


def _values(path: Path, texts: list[list[str]], dtype: str) -> np.ndarray[Any, Any]:
    """Return texts as numbers.

    Raises:
        ChipSetError: one is no number, or beyond the type.
    """
    kind = np.dtype(dtype)
    try:
        if kind.kind == "f":
            with np.errstate(over="ignore"):
                return np.array(texts).astype(kind)
        numbers = np.array([[int(text) for text in row] for row in texts], dtype=_wide(kind))
        limits = np.iinfo(kind)
        if numbers.size and not limits.min <= numbers.min() <= numbers.max() <= limits.max:
            raise ValueError(f"it lies beyond {limits.min} to {limits.max}")
        return numbers.astype(kind)
    except (ValueError, OverflowError) as error:
        raise ChipSetError(
            f"{path} holds a value that is no {dtype}: {reason(error)}. Export the chips again."
        ) from error


def _wide(kind: np.dtype[Any]) -> type[np.integer[Any]]:
    """Return a type that holds what is written as such a whole number, and more."""
    return np.uint64 if kind == np.uint64 else np.int64
