"""Arrays of HDF5 files, which MATLAB 7.3 files are too; read in parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ..progress import Progress
from ..runtime.dependencies import loaded
from .arrays import (
    TEXT,
    Container,
    Guarded,
    RawArray,
    StoredArray,
    StoredTexts,
    check_memory,
    damage_named,
    unusable,
)

HDF5, MATLAB_73 = "an HDF5 file", "a MATLAB 7.3 file"
_MOST_OBJECTS = 10_000
_MOST_TEXTS = 2_000
_EMPTY = "it has no values"
_PROBLEMS = {"char": "texts", "cell": "a cell array; save the array in it by itself"}


@contextmanager
def opened_hdf5(path: Path, progress: Progress) -> Iterator[Container]:
    """Open a file; its arrays can be read as long as it is open.

    Args:
        path: the file.
        progress: told what is read whole.

    Raises:
        InputError: it is damaged.
        DependencyError: h5py is missing.
    """
    h5py = loaded("h5py")
    with ExitStack() as stack:
        with damage_named(path, HDF5):
            file = stack.enter_context(h5py.File(path, "r"))
            matlab = _starts_like_matlab(path)
            reader = _Reader(path, file, matlab, progress)
            # Of links only those that lie in the file itself are followed.
            file.visititems(reader.take)
        yield Container(path, reader.family, tuple(reader.arrays), tuple(reader.texts))


def _starts_like_matlab(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(10) == b"MATLAB 7.3"


class _Reader:
    """Lists what a file holds."""

    def __init__(self, path: Path, file: Any, matlab: bool, progress: Progress) -> None:
        self.arrays: list[StoredArray] = []
        self.texts: list[StoredTexts] = []
        self.family = MATLAB_73 if matlab else HDF5
        self._path = path
        self._file = file
        self._matlab = matlab
        self._progress = progress
        self._seen = 0

    def take(self, name: str, item: Any) -> bool | None:
        """Note an object of the file; anything but None ends the walk."""
        import h5py

        self._seen += 1
        if self._seen > _MOST_OBJECTS:
            raise ValueError(f"it holds more than {_MOST_OBJECTS:,} objects")
        if name.startswith("#"):  # where MATLAB keeps what cells and objects refer to
            return None
        kind = _matlab_class(item)
        if "MATLAB_sparse" in item.attrs:
            self.arrays.append(self._sparse(name, item))
        elif not isinstance(item, h5py.Dataset):
            return None
        elif kind in {"char", "cell"}:
            self.texts.append(StoredTexts(name, lambda: self._read_texts(item)))
            self.arrays.append(StoredArray(name, _shape(item)[::-1], kind, _none, _PROBLEMS[kind]))
        elif h5py.check_string_dtype(item.dtype) is not None:
            self.texts.append(StoredTexts(name, lambda: self._read_texts(item)))
            problem = _EMPTY if not item.size else ""
            self.arrays.append(
                StoredArray(name, _shape(item), TEXT, lambda: self._strings(item), problem)
            )
        elif "MATLAB_sparse" not in item.parent.attrs:
            self.arrays.append(self._dense(name, item, kind))
        return None

    def _dense(self, name: str, item: Any, kind: str) -> StoredArray:
        shape = _shape(item)
        problem = unusable(item.dtype)
        if item.dtype.fields and set(item.dtype.fields) == {"real", "imag"}:
            problem = unusable(np.dtype("complex128"))
        if "MATLAB_empty" in item.attrs or 0 in shape or item.shape is None:
            problem = _EMPTY
        word = "bool" if kind == "logical" else item.dtype.name

        def load() -> Guarded:
            values: Any = _Transposed(item) if self._matlab else item
            return Guarded(values, self._path, self.family)

        given = shape[::-1] if self._matlab else shape
        return StoredArray(name, given, word, load, problem, self._matlab)

    def _sparse(self, name: str, group: Any) -> StoredArray:
        """A sparse matrix of MATLAB's, in compressed columns."""
        with damage_named(self._path, self.family):
            rows, cols = int(group.attrs["MATLAB_sparse"]), len(group["jc"]) - 1

        def load() -> RawArray:
            from scipy.sparse import csc_matrix

            check_memory(name, self._path, rows * cols * 8, self._progress)
            with damage_named(self._path, self.family):
                parts = [group[part][:] if part in group else [] for part in ("data", "ir", "jc")]
                matrix = csc_matrix(tuple(map(np.asarray, parts)), shape=(rows, cols))
                matrix.check_format(full_check=True)  # scipy unpacks what it is given
                return np.asarray(matrix.toarray())

        problem = "" if rows * cols > 0 else _EMPTY
        return StoredArray(name, (rows, cols), "float64", load, problem, column_major=True)

    def _read_texts(self, item: Any) -> tuple[str, ...]:
        """Texts of strings, of MATLAB's characters, or of a cell that refers to such."""
        import h5py

        with damage_named(self._path, self.family):
            if item.size is None or item.size > _MOST_TEXTS:
                return ()
            if _matlab_class(item) == "char":
                return (_characters(item[()]),)
            if _matlab_class(item) != "cell":
                return tuple(map(str, self._strings(item).reshape(-1)))
            found = []
            for reference in item[()].T.reshape(-1):
                inner = self._file[reference]
                if isinstance(inner, h5py.Dataset) and _matlab_class(inner) == "char":
                    found.append(_characters(inner[()]))
            return tuple(found)

    def _strings(self, item: Any) -> RawArray:
        """Texts as numpy has them."""
        with damage_named(self._path, self.family):
            return np.asarray(item.asstr()[()], dtype=str)


class _Transposed:
    """An array as MATLAB counts its axes: HDF5 has them in reverse."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset
        self.shape = tuple(dataset.shape[::-1])
        self.dtype = dataset.dtype

    def __getitem__(self, key: Any) -> RawArray:
        parts = key if isinstance(key, tuple) else (key,)
        parts = (*parts, *(slice(None),) * (len(self.shape) - len(parts)))
        return np.asarray(self._dataset[parts[::-1]]).transpose()


def _shape(item: Any) -> tuple[int, ...]:
    return tuple(int(length) for length in item.shape or ())


def _matlab_class(item: Any) -> str:
    told = item.attrs.get("MATLAB_class", b"")
    return told.decode("latin-1") if isinstance(told, bytes) else str(told)


def _characters(codes: Any) -> str:
    return "".join(chr(int(code)) for code in np.asarray(codes).T.reshape(-1))


def _none() -> RawArray:
    return np.zeros(0)
