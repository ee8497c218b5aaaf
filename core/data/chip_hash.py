"""What identifies a chip set: its labelled pixels, their split and their values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..raster.bands import Band
from .classes import ClassInfo

_CHUNK = 65_536  # pixels summed at once


def value_sums(
    values: npt.NDArray[Any], index: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[np.uint64]:
    """Return per band the sum of the raw bits of some pixels, modulo 2**64.

    It is exact and the same in whatever order and parts pixels come: parts add up.

    Args:
        values: ``(P, bands)``.
        index: ``(n,)`` rows of them.
    """
    bits = np.dtype(f"u{values.dtype.itemsize}")
    total = np.zeros(values.shape[1], dtype=np.uint64)
    for start in range(0, len(index), _CHUNK):
        part = np.ascontiguousarray(values[index[start : start + _CHUNK]])
        total += part.view(bits).sum(axis=0, dtype=np.uint64)
    return total


def labelled_hash(
    *,
    row: npt.NDArray[np.integer[Any]],
    col: npt.NDArray[np.integer[Any]],
    label: npt.NDArray[np.integer[Any]],
    split: npt.NDArray[np.integer[Any]],
    values: npt.NDArray[Any],
    index: npt.NDArray[np.integer[Any]],
    bands: Sequence[Band],
    classes: Sequence[ClassInfo],
) -> str:
    """Return the hash of a store's samples; see ``hash_of_sums``."""
    return hash_of_sums(
        row=row,
        col=col,
        label=label,
        split=split,
        sums=value_sums(values, index),
        bands=bands,
        classes=classes,
    )


def hash_of_sums(
    *,
    row: npt.NDArray[np.integer[Any]],
    col: npt.NDArray[np.integer[Any]],
    label: npt.NDArray[np.integer[Any]],
    split: npt.NDArray[np.integer[Any]],
    sums: npt.NDArray[np.uint64],
    bands: Sequence[Band],
    classes: Sequence[ClassInfo],
) -> str:
    """Return the SHA-256, in hexadecimal, of labelled pixels.

    Args:
        row: ``(n,)``, in any order.
        col: ``(n,)``.
        label: ``(n,)``.
        split: ``(n,)``.
        sums: ``(bands,)`` of ``value_sums``.
        bands: of the values.
        classes: of the labels.
    """
    order = np.lexsort((col, row))
    digest = hashlib.sha256()
    # Little-endian whatever the machine.
    for column, kind in ((row, "<i4"), (col, "<i4"), (label, "<u2"), (split, "u1")):
        digest.update(np.asarray(column)[order].astype(kind).tobytes())
    digest.update(sums.astype("<u8").tobytes())
    meaning = {
        "bands": [band.to_json() for band in bands],
        "classes": [item.to_json() for item in classes],
    }
    digest.update(json.dumps(meaning, sort_keys=True).encode())
    return digest.hexdigest()
