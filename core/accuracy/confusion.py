"""The confusion matrix and the figures of it.

Rows are the reference, columns the map, as Congalton (1991) has them. Where a figure has
nothing to stand on - a class that is missing in the reference has no producer's accuracy -
it is None, never 0 and never an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

import numpy as np
import numpy.typing as npt

Figure = Optional[float]


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class, 0..1.

    Attributes:
        producers_accuracy: share of the class's reference pixels that the map has right
            (recall); None where the reference has none.
        users_accuracy: share of the pixels mapped as the class that are it (precision);
            None where the map has none among the assessed pixels.
        f1: harmonic mean of both, 0 where nothing is right; None where the class is in
            neither.
        reference: its pixels in the reference.
        mapped: its pixels in the map, among the assessed ones.
        right: its pixels in both.
    """

    producers_accuracy: Figure
    users_accuracy: Figure
    f1: Figure
    reference: int
    mapped: int
    right: int


@dataclass(frozen=True)
class Figures:
    """The figures of a confusion matrix, 0..1 (kappa -1..1).

    Attributes:
        overall: overall accuracy, the share of the pixels that are right.
        average: average accuracy, the mean of the producer's accuracies of the classes that
            the reference has.
        kappa: Cohen's kappa; None where chance alone is always right.
        classes: of every class, in the matrix's order.
        matrix: ``(k, k)`` int64, rows reference, columns map.
    """

    overall: Figure
    average: Figure
    kappa: Figure
    classes: tuple[ClassFigures, ...]
    matrix: npt.NDArray[np.int64]


def confusion_matrix(
    reference: npt.NDArray[np.integer[Any]], mapped: npt.NDArray[np.integer[Any]], classes: int
) -> npt.NDArray[np.int64]:
    """Count pixels by reference and map.

    Args:
        reference: ``(n,)`` classes 1..classes.
        mapped: ``(n,)`` classes 1..classes.
        classes: how many.

    Returns:
        ``(classes, classes)`` int64.

    Raises:
        ValueError: lengths differ, or a class lies outside 1..classes.
    """
    if reference.shape != mapped.shape:
        raise ValueError(f"{reference.shape} reference values for {mapped.shape} of the map.")
    for values in (reference, mapped):
        if values.size and not 1 <= int(values.min()) <= int(values.max()) <= classes:
            raise ValueError(f"Classes {values.min()}..{values.max()}; expected 1..{classes}.")
    flat = (reference.astype(np.int64) - 1) * classes + (mapped.astype(np.int64) - 1)
    return np.bincount(flat, minlength=classes * classes).reshape(classes, classes)


def figures(matrix: npt.NDArray[np.integer[Any]]) -> Figures:
    """Return the figures of a confusion matrix ``(k, k)``, rows reference, columns map."""
    counts = np.asarray(matrix, dtype=np.int64)
    rows, columns, right = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
    classes = tuple(
        _class_figures(int(row), int(column), int(hit))
        for row, column, hit in zip(rows, columns, right)
    )
    known = [item.producers_accuracy for item in classes if item.producers_accuracy is not None]
    return Figures(
        overall=_ratio(float(right.sum()), float(counts.sum())),
        average=_ratio(sum(known), len(known)),
        kappa=_kappa(counts),
        classes=classes,
        matrix=counts,
    )


def _ratio(part: float, whole: float) -> Figure:
    return part / whole if whole else None


def _class_figures(reference: int, mapped: int, right: int) -> ClassFigures:
    return ClassFigures(
        producers_accuracy=_ratio(right, reference),
        users_accuracy=_ratio(right, mapped),
        f1=_ratio(2 * right, reference + mapped),
        reference=reference,
        mapped=mapped,
        right=right,
    )


def _kappa(counts: npt.NDArray[np.int64]) -> Figure:
    """Cohen (1960): agreement beyond the chance of the two marginal distributions."""
    total = float(counts.sum())
    if not total:
        return None
    agreed = float(np.trace(counts)) / total
    chance = float((counts.sum(axis=0) / total) @ (counts.sum(axis=1) / total))
    return None if chance >= 1.0 - 1e-12 else (agreed - chance) / (1.0 - chance)
