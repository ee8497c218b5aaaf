"""Arrays of MATLAB files up to version 7, read whole by scipy; ``hdf5`` reads version 7.3."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..progress import Progress
from .arrays import (
    Container,
    RawArray,
    StoredArray,
    StoredTexts,
    check_memory,
    damage_named,
    unusable,
)

MATLAB = "a MATLAB file (.mat)"
_NUMBERS = {
    "double": "float64",
    "single": "float32",
    "logical": "bool",
    "sparse": "float64",
    **{name: name for name in ("int8", "int16", "int32", "int64")},
    **{name: name for name in ("uint8", "uint16", "uint32", "uint64")},
}
_PROBLEMS = {
    "char": "texts",
    "cell": "a cell array; save the array in it by itself",
    "struct": "a struct; save the field with the values by itself",
}
_MOST_TEXTS = 2_000


def open_matlab(path: Path, progress: Progress) -> Container:
    """Return what a file holds; a variable is read when it is used.

    Raises:
        InputError: it is damaged or no MATLAB file.
    """
    import scipy.io

    with damage_named(path, MATLAB):
        listed = [
            (name, tuple(map(int, shape)), kind) for name, shape, kind in scipy.io.whosmat(path)
        ]
    arrays = tuple(_array(path, name, shape, kind, progress) for name, shape, kind in listed)
    texts = tuple(
        StoredTexts(name, lambda name=name: _texts(path, name))  # type: ignore[misc]
        for name, shape, kind in listed
        if kind in {"cell", "char"} and 0 < math.prod(shape) <= _MOST_TEXTS
    )
    return Container(path, MATLAB, arrays, texts)


def _array(
    path: Path, name: str, shape: tuple[int, ...], kind: str, progress: Progress
) -> StoredArray:
    word = _NUMBERS.get(kind, kind)
    problem = ""
    if kind not in _NUMBERS:
        problem = _PROBLEMS.get(kind, f"a MATLAB {kind}, which is not read; save it as numbers")
    elif math.prod(shape) == 0:
        problem = "it has no values"

    def load() -> RawArray:
        check_memory(name, path, math.prod(shape) * np.dtype(word).itemsize, progress)
        values = _variable(path, name)
        if hasattr(values, "toarray"):  # a sparse matrix
            with damage_named(path, MATLAB):
                values = values.toarray()
        found = np.asarray(values)
        trouble = unusable(found.dtype)
        if trouble:
            raise InputError(f"'{name}' of {path.name} cannot be used: {trouble}.")
        if found.shape != shape:
            raise InputError(
                f"'{name}' of {path.name} should have {shape} values and has {found.shape}: the "
                "file is damaged. Copy it again."
            )
        return found

    return StoredArray(name, shape, word, load, problem, column_major=True)


def _variable(path: Path, name: str) -> Any:
    import scipy.io

    with damage_named(path, MATLAB), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that a file has twice, for example
        return scipy.io.loadmat(path, variable_names=[name])[name]


def _texts(path: Path, name: str) -> tuple[str, ...]:
    """Texts of characters, or of the cells that hold a single one."""
    found = []
    for item in np.asarray(_variable(path, name)).reshape(-1):
        inner = np.asarray(item)
        if inner.dtype.kind == "U" and inner.size == 1:
            found.append(str(inner.reshape(-1)[0]).strip())
    return tuple(found)
