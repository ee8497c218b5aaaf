"""Arrays of MATLAB files up to version 7, read whole by scipy; ``hdf5`` reads version 7.3."""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

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
from .matlab_tags import COMPRESSED, HEAD, Variable, list_variables, variables

MATLAB = "a MATLAB file (.mat)"
LEVEL_5 = b"MATLAB 5.0"
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
_MOST_BYTES = 1 << 20  # of names


class _WithinFile:
    """A file of which never more is asked than is there: scipy takes room for what it asks."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self.seek = file.seek
        self.tell = file.tell

    def read(self, count: int = -1) -> bytes:
        """Return up to ``count`` bytes."""
        left = self._size - self._file.tell()
        return self._file.read(left if count < 0 else max(min(count, left), 0))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with damage_named(path, MATLAB), path.open("rb") as file:
        yield _WithinFile(file, path.stat().st_size)


def open_matlab(path: Path, progress: Progress) -> Container:
    """Return what a file holds; a variable is read when it is used.

    Raises:
        InputError: it is damaged or no MATLAB file.
    """
    with damage_named(path, MATLAB):
        listed = _listed(path)
    arrays = tuple(_array(path, variable, progress) for variable in listed)
    texts = tuple(_texts(path)) if any(item.kind == "cell" for item in listed) else ()
    return Container(path, MATLAB, arrays, texts)


def _listed(path: Path) -> list[Variable]:
    with path.open("rb") as raw:
        level_5 = raw.read(len(LEVEL_5)) == LEVEL_5
        raw.seek(0)
        if level_5:
            return list_variables(raw)
    import scipy.io

    with _opened(path) as file:  # of level 4
        found = scipy.io.whosmat(file)
    return [Variable(name, tuple(map(int, shape)), kind, False) for name, shape, kind in found]


def _array(path: Path, variable: Variable, progress: Progress) -> StoredArray:
    name, shape, kind = variable.name, variable.shape, variable.kind
    word = _NUMBERS.get(kind, kind)
    problem = ""
    if kind not in _NUMBERS:
        problem = _PROBLEMS.get(kind, f"a MATLAB {kind}, which is not read; save it as numbers")
    elif variable.is_complex:
        problem = unusable(np.dtype("complex128"))
    elif math.prod(shape) == 0:
        problem = "it has no values"

    def load() -> RawArray:
        check_memory(name, path, math.prod(shape) * np.dtype(word).itemsize, progress)
        values = _variable(path, name)
        if hasattr(values, "toarray"):  # a sparse matrix
            with damage_named(path, MATLAB):
                columns = values.tocsc()
                columns.check_format(full_check=True)  # scipy unpacks what it is given
                values = columns.toarray()
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

    with _opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that a file has twice, for example
        return scipy.io.loadmat(file, variable_names=[name])[name]


def _texts(path: Path) -> Iterator[StoredTexts]:
    """Yield cells of texts, of those variables that bear a checksum.

    scipy's reader of cells does not survive damaged ones: what is not compressed, and so has no
    checksum, is not read.
    """
    import scipy.io

    for part in _checked_parts(path):
        with suppress(Exception), warnings.catch_warnings():  # names are a convenience
            warnings.simplefilter("ignore")
            ((name, shape, kind),) = scipy.io.whosmat(BytesIO(part))
            if kind == "cell" and 0 < math.prod(shape) <= _MOST_TEXTS:
                cells = np.asarray(scipy.io.loadmat(BytesIO(part))[name]).reshape(-1)
                inner = [np.asarray(cell) for cell in cells]
                found = tuple(
                    str(cell.reshape(-1)[0]).strip()
                    for cell in inner
                    if cell.dtype.kind == "U" and cell.size == 1
                )
                yield StoredTexts(name, partial(tuple, found))


def _checked_parts(path: Path) -> Iterator[bytes]:
    """Yield the small compressed variables of a file whose checksum is right, each as a file."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(0)
        for kind, length in variables(file):
            if kind != COMPRESSED or length > _MOST_BYTES:
                continue
            unpacking = zlib.decompressobj()
            with suppress(zlib.error):
                content = unpacking.decompress(file.read(length), _MOST_BYTES)
                if unpacking.eof:
                    yield head + content
