"""A stack as one HDF5 file, as scripts in Python, MATLAB and R read them.

Datasets: ``windows`` ``(n, side, side, bands)``, ``labels`` ``(n,)`` class codes, ``split``
``(n,)`` 0 unused, 1 train, 2 validation, 3 test, ``group`` ``(n,)``, and ``valid``
``(n, side, side)`` where the source has a mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from ...errors import ChipSetError, reason
from ...runtime.dependencies import loaded
from .stack import BoolArray, RawArray, StackShape, WindowSamples

# What h5py raises of files that are damaged or hold something else.
_FAULTS = (OSError, KeyError, AttributeError, RuntimeError, ValueError, TypeError)


class Hdf5Writer:
    """Writes windows one after the other; see ``files.StackWriter``."""

    def __init__(self, path: Path, shape: StackShape) -> None:
        self._shape = shape
        self._codes = np.array([item.code for item in shape.classes], dtype=np.int64)
        self._file = loaded("h5py").File(path, "w")
        self._done = 0
        count, side, bands = shape.count, shape.side, len(shape.bands)
        strip = min(shape.strip, count)
        squeezed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
        self._windows = self._file.create_dataset(
            "windows", (count, side, side, bands), shape.dtype, chunks=(strip, side, side, bands),
            **squeezed,
        )  # fmt: skip
        for name, kind in (("labels", "i8"), ("split", "u1"), ("group", "i4")):
            self._file.create_dataset(name, (count,), kind)
        if shape.masked:
            self._file.create_dataset("valid", (count, side, side), bool, **squeezed)
        self._describe()

    def append(self, pixels: RawArray, valid: BoolArray | None, samples: WindowSamples) -> None:
        """Write some windows.

        Raises:
            OSError: the disk is full.
        """
        own = slice(self._done, self._done + len(pixels))
        self._windows[own] = pixels
        self._file["labels"][own] = self._codes[samples.label.astype(np.int64) - 1]
        self._file["split"][own] = samples.split
        self._file["group"][own] = samples.group
        if self._shape.masked:
            self._file["valid"][own] = True if valid is None else valid
        self._done = own.stop

    def close(self) -> None:
        """Write what is left.

        Raises:
            OSError: the disk is full.
        """
        try:
            self._file.flush()
            self._file.close()
        except RuntimeError as error:  # what HDF5 says of a disk that filled up
            raise OSError(reason(error)) from error

    def abandon(self) -> None:
        """Let go of the file without a word."""
        with suppress(OSError, RuntimeError):
            self._file.close()

    def _describe(self) -> None:
        attributes, bands = self._windows.attrs, self._shape.bands
        lengths = [np.nan if band.wavelength is None else band.wavelength for band in bands]
        attributes["wavelengths_nm"] = np.array(lengths, dtype=np.float64)
        attributes["scale"] = np.array([band.scale for band in bands], dtype=np.float64)
        attributes["offset"] = np.array([band.offset for band in bands], dtype=np.float64)
        labels = self._file["labels"].attrs
        labels["codes"] = self._codes
        labels["names"] = [item.name for item in self._shape.classes]


def hdf5_windows(path: Path, shape: StackShape) -> Iterator[tuple[RawArray, BoolArray | None]]:
    """Yield the windows of a stack in order, ``(m, side, side, bands)``, and their masks.

    Raises:
        ChipSetError: the file is missing, damaged, or not that of the stack.
        DependencyError: h5py is missing or broken.
    """
    package = loaded("h5py")
    with ExitStack() as opened:
        try:
            file = opened.enter_context(package.File(path, "r"))
            windows, valid = file["windows"], file.get("valid")
            found = (tuple(windows.shape), str(windows.dtype))
        except _FAULTS as error:
            raise _damaged(path, error) from error
        expected = ((shape.count, shape.side, shape.side, len(shape.bands)), shape.dtype)
        if found != expected or (valid is not None and valid.shape != expected[0][:3]):
            raise ChipSetError(
                f"The windows of {path} are {found[0]} of {found[1]}; expected {expected[0]} of "
                f"{expected[1]}. Export the chips again."
            )
        for first in range(0, shape.count, shape.at_once):
            own = slice(first, min(first + shape.at_once, shape.count))
            try:
                pixels = windows[own]
                mask = None if valid is None else valid[own].astype(bool)
            except _FAULTS as error:
                raise _damaged(path, error) from error
            yield pixels, mask


def _damaged(path: Path, error: Exception) -> ChipSetError:
    return ChipSetError(f"{path} is damaged or missing: {reason(error)}. Export the chips again.")
