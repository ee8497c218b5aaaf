"""How far labels resemble their neighbours: the range of their own autocorrelation.

The variogram of class indicators (Goovaerts 1997, *Geostatistics for Natural Resources
Evaluation*), summed over the classes, is the probability that two labelled pixels a lag
apart are of different classes. It rises from 0 to its sill: the probability for two labelled
pixels anywhere. The range is the first lag at which it has reached 95 % of the sill.

On a map of square fields of random classes it rises linearly up to the fields' side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data.labels import Labels
from ..progress import Progress
from ..runtime.seeds import numpy_generator

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

REACHED = 0.95  # of the sill
_SAMPLES = 20_000  # labelled pixels whose neighbours at a lag are looked up
_LEAST = 50  # pairs without which a lag tells nothing
_SPARSE = 0.02  # share of the labels' box that is labelled, below which lags meet nothing
_ANCHORS, _DRAWS = 2_000, 60  # of scattered points: pixels, and places around each
_FINE = 32  # lags up to which each is looked at; beyond, they grow by a twentieth


@dataclass(frozen=True, eq=False)
class Autocorrelation:
    """How alike labelled pixels are by their distance.

    Attributes:
        lags: ``(m,)`` distances in pixels, rising.
        different: ``(m,)`` share (0..1) of pairs that differ in class.
        sill: share of pairs anywhere that differ.
        range: pixels up to which labels resemble each other more than any two do; the largest lag
            where they still do there; None where one class is all there is, or pixels are few.
        reached: whether the sill was reached, and the range is more than a lower bound.
    """

    lags: FloatArray
    different: FloatArray
    sill: float
    range: float | None
    reached: bool


def autocorrelation(labels: Labels, seed: int, progress: Progress) -> Autocorrelation:
    """Estimate the autocorrelation of labels from pairs of them.

    On maps, pairs lie along rows and columns; of scattered points, in all directions.

    Args:
        labels: the labelled pixels.
        seed: of the draw of pairs.
        progress: asked for cancelling.
    """
    shares = np.array(labels.counts()) / max(len(labels), 1)
    sill = float(1.0 - (shares**2).sum())
    generator = numpy_generator(seed, "split", "autocorrelation")
    top, left = int(labels.rows.min()), int(labels.cols.min())
    height, width = int(labels.rows.max()) - top + 1, int(labels.cols.max()) - left + 1
    if len(labels) >= _SPARSE * height * width:
        lags = _lags(max(height, width) // 2)
        different = _along_axes(labels, lags, generator, progress)
    else:
        lags = _lags(int(np.hypot(height, width) / 2))
        different = _scattered(labels, lags, generator)
    known = np.isfinite(different)
    lags, different = lags[known], different[known]
    if sill <= 0 or not len(lags):
        return Autocorrelation(lags, different, sill, None, reached=False)
    above = np.flatnonzero(different >= REACHED * sill)
    if not len(above):
        return Autocorrelation(lags, different, sill, float(lags[-1]), reached=False)
    found = _crossing(lags, different, int(above[0]), REACHED * sill)
    return Autocorrelation(lags, different, sill, found, reached=True)


def _crossing(lags: FloatArray, different: FloatArray, place: int, level: float) -> float:
    """Return where the line through a lag and the one before it reaches a level."""
    before = (lags[place - 1], different[place - 1]) if place else (0.0, 0.0)
    share = (level - before[1]) / (different[place] - before[1])
    return float(before[0] + share * (lags[place] - before[0]))


def _lags(most: int) -> FloatArray:
    """Return whole lags: all of the first, then ever fewer."""
    most = max(most, 1)
    steps = int(np.ceil(np.log(max(most / _FINE, 1.0)) / np.log(1.05)))
    grown = np.rint(_FINE * 1.05 ** np.arange(1, steps + 1))
    lags = np.unique(np.concatenate([np.arange(1, _FINE + 1), grown]))
    return np.asarray(lags[lags <= most], dtype=np.float64)


def _along_axes(
    labels: Labels, lags: FloatArray, generator: np.random.Generator, progress: Progress
) -> FloatArray:
    """Compare pixels with those a lag to the right and below; NaN where there are few such."""
    width = int(labels.cols.max()) + 1
    keys = labels.rows.astype(np.int64) * width + labels.cols  # rising: row-major order
    found = np.full(len(lags), np.nan)
    whole = len(labels) <= _SAMPLES
    for place, lag in enumerate(lags.astype(np.int64)):
        progress.check_cancel()
        # In order, so that the search walks through memory once.
        own = np.arange(len(labels)) if whole else np.sort(
            generator.integers(0, len(labels), _SAMPLES)
        )  # fmt: skip
        right = own[labels.cols[own] + lag < width]
        pairs = [_compare(labels, keys, right, lag), _compare(labels, keys, own, lag * width)]
        different, count = (sum(values) for values in zip(*pairs))
        if count >= _LEAST:
            found[place] = different / count
    return found


def _compare(labels: Labels, keys: IntArray, own: IntArray, step: int) -> tuple[int, int]:
    """Return how many pixels a step away are of another class, and how many there are."""
    wanted = keys[own] + step
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    there = keys[place] == wanted
    differ = labels.values[place[there]] != labels.values[own[there]]
    return int(differ.sum()), int(there.sum())


def _scattered(labels: Labels, lags: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Compare pixels with the nearest to places drawn around them, at distances of all sizes."""
    from scipy.spatial import cKDTree

    places = np.column_stack([labels.rows, labels.cols]).astype(np.float64)
    anchors = np.repeat(generator.integers(0, len(labels), _ANCHORS), _DRAWS)
    distance = lags[-1] ** generator.random(len(anchors))
    angle = generator.random(len(anchors)) * 2 * np.pi
    aimed = places[anchors] + distance[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
    _, partners = cKDTree(places).query(aimed)
    apart = np.hypot(*(places[partners] - places[anchors]).T)
    differ = labels.values[partners] != labels.values[anchors]
    edges = np.append(lags - 0.5, np.inf)
    lag = np.searchsorted(edges, apart, side="right") - 1
    used = (apart > 0) & (lag >= 0) & (apart <= lags[-1])
    return _pooled(lag[used], differ[used], len(lags))


def _pooled(lag: IntArray, differ: npt.NDArray[np.bool_], lags: int) -> FloatArray:
    """Return the share of different pairs by lag; lags of few pairs wait for the next."""
    count = np.bincount(lag, minlength=lags)
    different = np.bincount(lag, weights=differ, minlength=lags)
    found = np.full(lags, np.nan)
    pairs = unlike = 0.0
    for place in range(lags):
        pairs, unlike = pairs + count[place], unlike + different[place]
        if pairs >= _LEAST:
            found[place] = unlike / pairs
            pairs = unlike = 0.0
    return found
