"""Writing and reading a stack in whatever file format it is stored in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from .geotiff import GeotiffWriter, geotiff_windows
from .hdf5 import Hdf5Writer, hdf5_windows
from .spectra import CsvWriter, LibsvmWriter, csv_windows, libsvm_windows
from .stack import BoolArray, RawArray, StackShape, WindowSamples
from .table import TableWriter, read_table

TABLE = "windows.csv"
#: The file of each storage.
FILES: Mapping[str, str] = {
    "geotiff": "windows.tif",
    "hdf5": "windows.h5",
    "csv": "spectra.csv",
    "libsvm": "spectra.svm",
}
#: Storages of windows of a single pixel.
SPECTRA = ("csv", "libsvm")
#: Every file that a stack may have in its folder.
NAMES = frozenset({TABLE, *FILES.values()})


class StackWriter(Protocol):
    """Writes windows one after the other, in batches of ``StackShape.at_once``."""

    def append(self, pixels: RawArray, valid: BoolArray | None, samples: WindowSamples) -> None:
        """Write ``(m, side, side, bands)`` values; ``valid`` ``(m, side, side)`` their mask."""

    def close(self) -> None:
        """Write what is left; OSError where it does not fit on the disk."""

    def abandon(self) -> None:
        """Let go of the file without a word; its folder is about to be removed."""


_WRITERS: Mapping[str, Callable[[Path, StackShape], StackWriter]] = {
    "geotiff": GeotiffWriter,
    "hdf5": Hdf5Writer,
    "csv": CsvWriter,
    "libsvm": LibsvmWriter,
}
_READERS: Mapping[
    str, Callable[[Path, StackShape], Iterator[tuple[RawArray, BoolArray | None]]]
] = {
    "geotiff": geotiff_windows,
    "hdf5": hdf5_windows,
    "csv": csv_windows,
    "libsvm": libsvm_windows,
}


def table_name(storage: str) -> str:
    """Return the file that says what each window is."""
    return FILES[storage] if storage == "csv" else TABLE


class StackFiles:
    """The files of a stack while they are written: collects windows into whole batches.

    Args:
        folder: that the chip set is written to.
        storage: one of ``FILES``.
        shape: of the stack.

    Raises:
        OSError: a file cannot be written.
        DependencyError: the storage needs a package that is missing.
    """

    def __init__(self, folder: Path, storage: str, shape: StackShape) -> None:
        self._shape = shape
        self._values = _WRITERS[storage](folder / FILES[storage], shape)
        # A table of spectra is its own.
        own = table_name(storage) == FILES[storage]
        self._table = None if own else TableWriter(folder / TABLE, shape)
        self._waiting: list[tuple[RawArray, BoolArray, WindowSamples]] = []
        self._count = 0

    def add(self, pixels: RawArray, valid: BoolArray, samples: WindowSamples) -> None:
        """Take some windows: ``(m, side, side, bands)``, ``(m, side, side)``, m samples."""
        self._waiting.append((pixels, valid, samples))
        self._count += len(pixels)
        if self._count >= self._shape.at_once:
            self._write(last=False)

    def close(self) -> None:
        """Write what is left; OSError where it does not fit on the disk."""
        self._write(last=True)
        self._values.close()
        if self._table is not None:
            self._table.close()

    def abandon(self) -> None:
        """Let go of the files without a word."""
        self._values.abandon()
        if self._table is not None:
            self._table.abandon()

    def _write(self, *, last: bool) -> None:
        if not self._waiting:
            return
        pixels = np.concatenate([item[0] for item in self._waiting])
        valid = np.concatenate([item[1] for item in self._waiting])
        samples = joined([item[2] for item in self._waiting])
        step = self._shape.at_once
        whole = len(pixels) if last else len(pixels) // step * step
        for first in range(0, whole, step):
            part = slice(first, min(first + step, whole))
            masked = valid[part] if self._shape.masked else None
            self._values.append(pixels[part], masked, samples.part(part))
            if self._table is not None:
                self._table.append(samples.part(part))
        rest = slice(whole, len(pixels))
        self._count = len(pixels) - whole
        left = (pixels[rest], valid[rest], samples.part(rest))
        self._waiting = [left] if self._count else []


def joined(parts: list[WindowSamples]) -> WindowSamples:
    """Return the samples of several parts as one."""
    names = ("label", "split", "group", "row", "col")
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
    return WindowSamples(*columns)


@dataclass(frozen=True, eq=False)
class StoredStack:
    """A stack in the folder of a chip set.

    Attributes:
        folder: of the chip set.
        storage: one of ``FILES``.
        shape: of the stack.
    """

    folder: Path
    storage: str
    shape: StackShape

    def samples(self) -> WindowSamples:
        """Read what the windows are.

        Raises:
            ChipSetError: the table is missing or damaged.
        """
        name = table_name(self.storage)
        values = len(self.shape.bands) if name == FILES[self.storage] else 0
        return read_table(self.folder / name, self.shape, values)

    def values(self) -> Iterator[tuple[RawArray, BoolArray | None]]:
        """Yield the windows in order, ``(m, side, side, bands)``, with their masks.

        Raises:
            ChipSetError: a file is missing or damaged.
            DependencyError: the storage needs a package that is missing.
        """
        yield from _READERS[self.storage](self.folder / FILES[self.storage], self.shape)
