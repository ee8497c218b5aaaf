"""Arrays in a file, whatever its format: what is there, and reading parts of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import HsicnnError, InputError, reason
from ..progress import Progress
from ..runtime.resources import free_memory
from ..sizes import data_size

RawArray = npt.NDArray[Any]

TEXT = "text"


class Values(Protocol):
    """Numbers (or texts) that are read in parts."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""

    def __getitem__(self, key: Any) -> RawArray:
        """Return a part; ``key`` is a slice an axis."""


@dataclass(frozen=True, eq=False)
class StoredArray:
    """An array of a file.

    Attributes:
        name: in the file.
        shape: lengths of its axes, as the program that wrote it counts them.
        kind: numpy's name of its values' type, as far as the file's head tells, or ``text``.
        load: gives its values; they may still lie in the file.
        problem: why it cannot be used, in words; empty where it can.
        column_major: whether its program counts pixels down the columns (MATLAB).
        open_ended: whether its rows leave out zeros at their ends (LibSVM).
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    load: Callable[[], Values]
    problem: str = ""
    column_major: bool = False
    open_ended: bool = False

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers that can be used."""
        return not self.problem and self.kind != TEXT

    @property
    def long_axes(self) -> int:
        """How many of its axes are longer than 1."""
        return sum(length > 1 for length in self.shape)

    def read(self) -> RawArray:
        """Return all of its values."""
        return np.asarray(self.load()[(slice(None),) * len(self.shape)])

    def what(self) -> str:
        """Return its shape and type: ``95 x 95 x 156 float64``."""
        return f"{times(self.shape)} {self.kind}"


@dataclass(frozen=True, eq=False)
class StoredTexts:
    """Texts of a file, such as names of classes.

    Attributes:
        name: in the file.
        load: gives them.
    """

    name: str
    load: Callable[[], tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Container:
    """An open file with arrays.

    Attributes:
        path: the file.
        family: its format, in words.
        arrays: what it holds.
        texts: lists of texts that it holds.
        band_names: of a table's bands, in order; empty where it has no names.
        notes: how the file was read, a sentence each.
    """

    path: Path
    family: str
    arrays: tuple[StoredArray, ...]
    texts: tuple[StoredTexts, ...] = ()
    band_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def array(self, name: str) -> StoredArray | None:
        """Return the array of a name; upper and lower case count only where they must."""
        exact = [item for item in self.arrays if item.name == name]
        loose = [item for item in self.arrays if item.name.lower() == name.lower()]
        return exact[0] if exact else loose[0] if len(loose) == 1 else None


def kind_of(dtype: np.dtype[Any]) -> str:
    """Return the name of a type for ``StoredArray``."""
    return TEXT if dtype.kind == "U" else dtype.name


def times(shape: Sequence[int]) -> str:
    """Return a shape as ``95 x 95 x 156``."""
    return " x ".join(map(str, shape)) or "1"


def is_file(text: str | Path) -> bool:
    """Return whether a text of the user's is the path of a file; a list of numbers is none."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # longer than a name can be, or with characters of none
        return False


@contextmanager
def damage_named(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a library stumbles on in a file into an error that names the file.

    Readers of foreign formats raise anything on damaged files: struct, zlib, index, key and
    memory errors among others.

    Raises:
        InputError: for every error that is none of ours.
    """
    try:
        yield
    except HsicnnError:
        raise
    except MemoryError as error:
        raise InputError(
            f"{path.name} cannot be read as {what}: what it says it holds does not fit in memory. "
            "It may be damaged; copy it again. A large file is read in parts as .npy or HDF5."
        ) from error
    except Exception as error:
        raise InputError(
            f"{path.name} cannot be read as {what}: {reason(error) or type(error).__name__}. It is "
            "damaged, cut short, or another format; copy it again, or save it anew with the "
            "program that wrote it."
        ) from error


class Guarded:
    """Values of a file of which a damaged part is named when it is read."""

    def __init__(self, values: Values, path: Path, what: str) -> None:
        self._values = values
        self._path = path
        self._what = what
        self.shape = tuple(int(length) for length in values.shape)
        self.dtype = np.dtype(values.dtype)

    def __getitem__(self, key: Any) -> RawArray:
        with damage_named(self._path, self._what):
            return np.asarray(self._values[key])


def check_memory(name: str, path: Path, size: float, progress: Progress) -> None:
    """Say what an array that is read whole takes, and refuse what does not fit.

    Args:
        name: of the array.
        path: the file.
        size: bytes at the most.
        progress: told.

    Raises:
        InputError: this machine has less memory free.
    """
    free = free_memory()
    if free.size is not None and size > free.size:
        raise InputError(
            f"'{name}' of {path.name} is read whole and takes {data_size(size)} of memory; "
            f"{data_size(free.size)} are free {free.bound}. Save it as .npy or as MATLAB 7.3 "
            "(save -v7.3), which are read in parts, or close other programs."
        )
    progress.log(f"'{name}' of {path.name} is read whole: up to {data_size(size)} of memory.")


def unusable(dtype: np.dtype[Any]) -> str:
    """Return why values of a type cannot be used; nothing where they can.

    Texts can be names of classes.
    """
    if dtype.kind in "biufU":
        return ""
    words = {
        "c": "complex numbers; save its magnitude or its real part instead",
        "O": "Python objects, which are never read: they could run a program. Save it as numbers",
        "V": "records of several fields; save one of them by itself",
        "S": "texts as bytes; save them as texts (astype(str)) or as numbers",
        "M": "dates",
        "m": "time spans",
    }
    return f"it holds {words.get(dtype.kind, f'values of type {dtype}')}"
