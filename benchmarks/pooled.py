"""Figures of pooled out-of-fold predictions, and the interval of a paired difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def hits_by_block(told: Ints, found: Ints, blocks: Ints, classes: int) -> tuple[Floats, Floats]:
    """Count right pixels and all pixels by block and class.

    Args:
        told: ``(n,)`` reference classes, 1..classes.
        found: ``(n,)`` predicted ones.
        blocks: ``(n,)`` block of each pixel, 0..b-1.
        classes: how many there are.

    Returns:
        ``(b, classes)`` right ones, and all.
    """
    shape = (int(blocks.max()) + 1, classes)
    right, total = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (blocks, told - 1), 1)
    np.add.at(right, (blocks, told - 1), told == found)
    return right, total


def accuracies(right: Floats, total: Floats, without: Sequence[int] = ()) -> tuple[float, float]:
    """Overall and average accuracy from counts a class, leaving classes out of the average."""
    counts, hits = total.sum(0), right.sum(0)
    kept = counts > 0
    kept[list(without)] = False
    return float(hits.sum() / counts.sum()), float((hits[kept] / counts[kept]).mean())


def paired_difference(
    first: Mapping[int, Ints],
    second: Mapping[int, Ints],
    told: Ints,
    blocks: Ints,
    *,
    draws: int = 4000,
) -> dict[str, tuple[float, float, float]]:
    """Difference first - second in overall and average accuracy, with its 95 % interval.

    Blocks of the scene are drawn with replacement (a block bootstrap: neighbouring pixels
    are no independent samples), the same ones for both methods and all seeds; each draw
    averages over the seeds.

    Args:
        first: ``(n,)`` pooled predictions by seed.
        second: those of the other method, for the same seeds.
        told: ``(n,)`` reference.
        blocks: ``(n,)`` block of each pixel, 0..b-1.
        draws: how often.

    Returns:
        ``overall`` and ``average``: difference, lower and upper end.
    """
    classes = int(told.max())
    seeds = sorted(set(first) & set(second))
    ours = np.mean([hits_by_block(told, first[s], blocks, classes)[0] for s in seeds], axis=0)
    theirs = np.mean([hits_by_block(told, second[s], blocks, classes)[0] for s in seeds], axis=0)
    total = hits_by_block(told, told, blocks, classes)[1]
    generator = np.random.default_rng(0)
    found = np.array(
        [
            _difference(ours, theirs, total, generator.integers(0, len(total), len(total)))
            for _ in range(draws)
        ]
    )
    point = _difference(ours, theirs, total, np.arange(len(total)))
    low, high = np.percentile(found, (2.5, 97.5), axis=0)
    return {
        name: (point[i], float(low[i]), float(high[i]))
        for i, name in enumerate(("overall", "average"))
    }


def _difference(ours: Floats, theirs: Floats, total: Floats, drawn: Ints) -> tuple[float, float]:
    a = accuracies(ours[drawn], total[drawn])
    b = accuracies(theirs[drawn], total[drawn])
    return a[0] - b[0], a[1] - b[1]
