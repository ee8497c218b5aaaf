"""Tables of spectra in LibSVM's sparse text, read by scikit-learn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..progress import Progress
from ..runtime.dependencies import loaded
from .arrays import Container, RawArray, StoredArray, check_memory, damage_named

LIBSVM = "a LibSVM table"
VALUES, LABELS = "values", "labels"
_LINE = re.compile(r"[-+0-9.eE,]+(\s+qid:\d+)?(\s+\d+:[-+0-9.eEnaif]+)+\s*(#.*)?")
_BYTES_A_VALUE = 16  # in memory: the number and its place


def is_libsvm(line: str) -> bool:
    """Return whether a line of a text is one of LibSVM's: a label, then ``place:value``."""
    return _LINE.fullmatch(line.strip()) is not None


def open_libsvm(path: Path, progress: Progress) -> Container:
    """Return the table: ``values`` ``(rows, bands + 1)`` and ``labels`` ``(rows,)``.

    The values begin with place 0, which most files have not: see ``first_place``.

    Raises:
        InputError: it is damaged.
        DependencyError: scikit-learn is missing.
    """
    loaded("sklearn")
    from sklearn.datasets import load_svmlight_file

    # The shortest value is written with four characters, as in " 1:5".
    check_memory("values", path, path.stat().st_size / 4 * _BYTES_A_VALUE, progress)
    with damage_named(path, LIBSVM):
        # Left to itself the reader decides for each file whether places count from 0 or 1, and a
        # file without a value in its first band would be shifted by one.
        matrix, labels = load_svmlight_file(str(path), zero_based=True)
    shape = (int(matrix.shape[0]), int(matrix.shape[1]))
    values = StoredArray(
        VALUES, shape, matrix.dtype.name, lambda: _Rows(matrix), open_ended=True
    )  # fmt: skip
    whole = np.isfinite(labels).all() and (labels == np.rint(labels)).all()
    codes = labels.astype(np.int64) if whole and abs(labels).max() < 2**53 else labels
    found = StoredArray(LABELS, codes.shape, codes.dtype.name, lambda: codes)
    note = f"{path.name}: {LIBSVM} of {shape[0]:,} lines with places up to {shape[1] - 1}."
    return Container(path, LIBSVM, (values, found), notes=(note,))


def first_place(tables: Sequence[StoredArray]) -> int:
    """Return what places of tables that belong together count from: 0 where any has a place 0.

    LibSVM counts from 1.

    Args:
        tables: ``values`` of ``open_libsvm``.
    """
    return min((table.load().first_place for table in tables), default=1)  # type: ignore[attr-defined]


def counted_from(table: StoredArray, first: int) -> StoredArray:
    """Return ``values`` of ``open_libsvm`` as ``(rows, bands)``.

    Args:
        table: with a column for place 0.
        first: place of the first band.
    """
    rows = table.load()
    return replace(
        table,
        shape=(table.shape[0], table.shape[1] - first),
        load=lambda: rows.counted_from(first),  # type: ignore[attr-defined]
    )


class _Rows:
    """A sparse matrix of which some rows are unpacked at a time."""

    def __init__(self, matrix: Any) -> None:
        self._matrix = matrix
        self.shape = tuple(map(int, matrix.shape))
        self.dtype = matrix.dtype

    @property
    def first_place(self) -> int:
        """0 where any line has that place, else 1."""
        places = self._matrix.indices
        return 0 if places.size and places.min() == 0 else 1

    def counted_from(self, first: int) -> _Rows:
        """Return it without the columns before a place."""
        return _Rows(self._matrix[:, first:]) if first else self

    def __getitem__(self, key: Any) -> RawArray:
        first, *rest = key if isinstance(key, tuple) else (key,)
        return np.asarray(self._matrix[first].toarray())[(slice(None), *rest)]
