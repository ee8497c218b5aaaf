"""Which labelled pixels belong together: polygons, points, and the patches of a raster."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.export_settings import ExportSettings
from ..data.labels import Labels
from ..data.splits import block_ids

IntArray = npt.NDArray[np.int64]

#: Labelled pixels of a raster that are joined to patches; of more, squares are taken for patches.
MOST_JOINED = 2_000_000


def patches(labels: Labels) -> IntArray:
    """Number what belongs together.

    Args:
        labels: in row-major order.

    Returns:
        ``(n,)``, 0 or larger: the polygon or point of each pixel, where a layer gave them, else
        the patch of touching pixels (also at corners) of one class.
    """
    if labels.groups.any():
        return _numbered(labels.groups.astype(np.int64), labels.values.astype(np.int64))
    if len(labels) > MOST_JOINED:
        return _numbered(_squares(labels.rows, labels.cols), labels.values.astype(np.int64))
    return _joined(labels)


def fold_groups(
    own: IntArray,
    values: npt.NDArray[np.integer[Any]],
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    folds: int,
) -> IntArray:
    """Say which samples must be in the same fold: patches, the large ones in strips.

    A patch that holds more than a fold's share of its class is cut across its longer side, so that
    no class is missing from the training of a fold.

    Args:
        own: ``(n,)`` patch of each sample.
        values: ``(n,)`` classes, 1 or larger.
        rows: ``(n,)``.
        cols: ``(n,)``.
        folds: how many there will be.
    """
    sizes, totals = np.bincount(own), np.bincount(values)
    strips = np.zeros(len(own), dtype=np.int64)
    large = np.flatnonzero(sizes[own] * folds > totals[values])
    order = large[np.argsort(own[large], kind="stable")]
    for part in np.split(order, np.flatnonzero(np.diff(own[order])) + 1):
        if not len(part):
            continue
        tall = np.ptp(rows[part]) >= np.ptp(cols[part])
        along, across = (rows, cols) if tall else (cols, rows)
        wanted = -(-len(part) * folds // int(totals[values[part[0]]]))
        line = np.lexsort((across[part], along[part]))
        strips[part[line]] = np.arange(len(part)) * wanted // len(part)
    return _numbered(own, strips)


def count_by_class(own: IntArray, values: npt.NDArray[np.integer[Any]], classes: int) -> IntArray:
    """Return how many patches each class has, ``(classes,)``."""
    _, first = np.unique(own, return_index=True)  # a patch is of one class
    return np.asarray(np.bincount(values[first], minlength=classes + 1)[1:], dtype=np.int64)


def _squares(rows: npt.NDArray[np.integer[Any]], cols: npt.NDArray[np.integer[Any]]) -> IntArray:
    return np.asarray(block_ids(rows, cols, ExportSettings.block_size), dtype=np.int64)


def _numbered(first: IntArray, second: IntArray) -> IntArray:
    """Give every pair of numbers that occurs one number."""
    offset = int(second.min(initial=0))
    key = first * (int(second.max(initial=0)) - offset + 1) + second - offset
    found = np.unique(key, return_inverse=True)[1]
    return np.asarray(found, dtype=np.int64).reshape(-1)


def _joined(labels: Labels) -> IntArray:
    """Join touching pixels of one class."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(labels)
    width = int(labels.cols.max(initial=0)) + 2  # a free column: ends of rows do not touch
    key = labels.rows.astype(np.int64) * width + labels.cols
    starts, ends = [], []
    for step in (1, width - 1, width, width + 1):
        place = np.minimum(np.searchsorted(key, key + step), count - 1)
        here = np.flatnonzero((key[place] == key + step) & (labels.values[place] == labels.values))
        starts.append(here)
        ends.append(place[here])
    edges = (np.concatenate(starts), np.concatenate(ends))
    graph = coo_matrix((np.ones(len(edges[0]), dtype=bool), edges), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
