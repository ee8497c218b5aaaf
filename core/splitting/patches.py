"""Patches: connected pixels of one class, which stand for polygons where labels are a raster."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..data.labels import Labels


def patches_as_groups(labels: Labels) -> Labels:
    """Return labels whose groups are patches, numbered from 1: pixels of a class that share edges.

    Args:
        labels: the labelled pixels, in row-major order, each pixel once.
    """
    groups = _patches(labels).astype(np.int32) + 1
    return replace(labels, groups=groups, group_names=())


def _patches(labels: Labels) -> npt.NDArray[np.int64]:
    """Return the patch of each pixel, 0..n-1.

    Pixels of a row are put together to runs first: there are far fewer of these.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    width = int(labels.cols.max(initial=0)) + 2  # a column apart: rows do not touch
    keys = labels.rows.astype(np.int64) * width + labels.cols
    starts = np.ones(len(keys), dtype=bool)
    starts[1:] = (np.diff(keys) != 1) | (np.diff(labels.values.astype(np.int32)) != 0)
    runs = np.cumsum(starts) - 1
    below = np.minimum(np.searchsorted(keys, keys + width), max(len(keys) - 1, 0))
    joined = (keys[below] == keys + width) & (labels.values[below] == labels.values)
    pairs = np.column_stack([runs[joined], runs[below[joined]]])
    # Runs that touch do so along many pixels: neighbouring pairs are alike.
    fresh = np.ones(len(pairs), dtype=bool)
    fresh[1:] = (np.diff(pairs, axis=0) != 0).any(axis=1)
    upper, lower = pairs[fresh].T
    count = int(runs[-1]) + 1 if len(runs) else 0
    graph = coo_matrix((np.ones(len(upper), dtype=bool), (upper, lower)), shape=(count, count))
    _, found = connected_components(graph, directed=False)
    return np.asarray(found[runs], dtype=np.int64)
