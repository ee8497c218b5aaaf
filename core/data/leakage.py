"""How much a split gives away: patches that overlap, and what location alone predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .nearest import nearest_distance, nearest_index
from .separation import TEST, TRAIN
from .splits import Split

LEAKY = 0.9  # location-only score from which a split is called leaky
_MORE_THAN_MAJORITY = 0.05  # where one class is nearly everywhere, location is no better than it


@dataclass(frozen=True)
class Leak:
    """Overlap of test and training patches of one radius.

    Attributes:
        radius: of the patches, in pixels; a patch is ``2 * radius + 1`` wide.
        test_centres_inside: share (0..1) of test pixels that lie in a training patch.
        test_patches_touching: share of test patches that share a pixel with a training patch.
    """

    radius: int
    test_centres_inside: float
    test_patches_touching: float

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "radius": self.radius,
            "test_centres_inside": self.test_centres_inside,
            "test_patches_touching": self.test_patches_touching,
        }


def leak_figures(
    split: Split,
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    radius: int,
) -> Leak:
    """Return the leak of a split for patches of one radius; 0 where nothing is tested."""
    return leak_by_radius(split, rows, cols, [radius])[0]


def leak_by_radius(
    split: Split,
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    radii: Sequence[int],
) -> tuple[Leak, ...]:
    """Return the leak of a split for several radii, in one search.

    Args:
        split: codes of the labelled pixels.
        rows: ``(n,)`` of the labelled pixels.
        cols: ``(n,)`` of the labelled pixels.
        radii: of the patches, in pixels.
    """
    test, train = split.codes == TEST, split.codes == TRAIN
    limit = 2 * max(radii, default=0)
    distance = nearest_distance(rows[test], cols[test], rows[train], cols[train], limit)
    return leaks_within(distance, radii)


def leaks_within(distance: npt.NDArray[np.floating[Any]], radii: Sequence[int]) -> tuple[Leak, ...]:
    """Return the leak for several radii.

    Args:
        distance: ``(n,)`` Chebyshev distance of each test pixel to the nearest training pixel.
        radii: of the patches, in pixels.
    """
    return tuple(
        Leak(radius, _share(distance <= radius), _share(distance <= 2 * radius)) for radius in radii
    )


def patch_leak(
    train_rows: npt.NDArray[np.integer[Any]],
    train_cols: npt.NDArray[np.integer[Any]],
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    radius: int,
) -> Leak:
    """Return how much training patches show of other pixels, and their patches share with them.

    Args:
        train_rows: ``(m,)`` of the training pixels.
        train_cols: ``(m,)``.
        rows: ``(n,)`` of the pixels that are tested.
        cols: ``(n,)``.
        radius: of the patches, in pixels.
    """
    distance = nearest_distance(rows, cols, train_rows, train_cols, 2 * radius)
    return leaks_within(distance, [radius])[0]


def location_only(
    train_rows: npt.NDArray[np.integer[Any]],
    train_cols: npt.NDArray[np.integer[Any]],
    train_labels: npt.NDArray[np.integer[Any]],
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
) -> npt.NDArray[Any]:
    """Return the label of the nearest (Euclidean) training pixel for every pixel.

    What this gets right needs no spectrum at all: the yardstick beside every model.

    Args:
        train_rows: ``(m,)`` of the training pixels, at least one.
        train_cols: ``(m,)``.
        train_labels: ``(m,)``.
        rows: ``(n,)`` of the pixels to predict.
        cols: ``(n,)``.

    Returns:
        ``(n,)`` in the type of ``train_labels``.
    """
    if not len(rows):
        return train_labels[:0]
    nearest = nearest_index(rows, cols, train_rows, train_cols)
    return np.asarray(train_labels[nearest])


def location_only_score(
    split: Split,
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    values: npt.NDArray[np.integer[Any]],
) -> float | None:
    """Return the share (0..1) of test pixels that location alone gets right.

    Nothing where there is no test or no training pixel.
    """
    test, train = split.codes == TEST, split.codes == TRAIN
    if not test.any() or not train.any():
        return None
    found = location_only(rows[train], cols[train], values[train], rows[test], cols[test])
    return _share(found == values[test])


def majority_score(split: Split, values: npt.NDArray[np.integer[Any]]) -> float | None:
    """Return the share (0..1) of test pixels of the class that training has most of.

    Nothing where there is no test or no training pixel.
    """
    test, train = split.codes == TEST, split.codes == TRAIN
    if not test.any() or not train.any():
        return None
    return _share(values[test] == np.bincount(values[train]).argmax())


def location_tells(score: float | None, majority: float | None) -> bool:
    """Tell whether location alone is right so often that accuracies near that prove nothing.

    Args:
        score: share (0..1) that location alone gets right; None where nothing is tested.
        majority: share that always naming the most frequent class of training gets right.
    """
    if score is None:
        return False
    return score >= LEAKY and score > (majority or 0.0) + _MORE_THAN_MAJORITY


def _share(mask: npt.NDArray[np.bool_]) -> float:
    return float(mask.mean()) if mask.size else 0.0
