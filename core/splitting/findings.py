"""What a split is worth: pixels, distances between training and test, and what leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.labels import Labels
from ..data.leakage import Leak, leaks_within, location_only, location_tells
from ..data.nearest import nearest_distance
from ..data.separation import SPLIT_NAMES, TEST, TRAIN, Codes
from ..data.split_notes import class_table
from ..progress import Portion, Progress
from .division import Division

PATCHES = (1, 3, 5, 7, 9, 11, 15, 25)  # sides of the patches of usual networks, pixels
_BINS = 40


@dataclass(frozen=True)
class Distances:
    """Chebyshev distances of test pixels to the nearest training pixel, in pixels.

    Attributes:
        least: the smallest.
        quarter: a quarter of the test pixels is nearer.
        median: half of them is nearer.
        three_quarters: three quarters of them are nearer.
        most: the largest.
        edges: ``(bins + 1)`` of the histogram, whole numbers; a bin holds its lower edge.
        pixels: ``(bins)`` test pixels.
    """

    least: int
    quarter: float
    median: float
    three_quarters: float
    most: int
    edges: Sequence[int]
    pixels: Sequence[int]


@dataclass(frozen=True)
class Figures:
    """Figures of one training and its test.

    Attributes:
        counts: pixels of each class, by the name of the split.
        distances: None where nothing is trained or nothing is tested.
        leaks: by the radius of patches, rising.
        location_only: share (0..1) of test pixels that have the class of the nearest training
            pixel; None likewise.
        majority: share (0..1) of test pixels of the most frequent class of training.
    """

    counts: Mapping[str, Sequence[int]]
    distances: Distances | None
    leaks: Sequence[Leak]
    location_only: float | None
    majority: float | None

    def leak_at(self, patch: int) -> Leak | None:
        """Return the leak for patches of a side in pixels; None where nothing is tested."""
        return next((leak for leak in self.leaks if leak.radius == patch // 2), None)

    def total(self, name: str) -> int:
        """Return the pixels of a split, by its name."""
        return sum(self.counts[name])


@dataclass(frozen=True)
class Findings:
    """Figures of a split: of its one division, or of every fold.

    Attributes:
        figures: one, or one a fold.
        patch_size: side of the patches that count, in pixels.
        location_only: the mean of the figures' scores; None where nothing is tested.
        inside: mean share (0..1) of test pixels in a training patch of that side; likewise.
        leaks: what leaks, in plain words.
        lost: classes that nothing trains in some fold, likewise.
    """

    figures: Sequence[Figures]
    patch_size: int
    location_only: float | None
    inside: float | None
    leaks: Sequence[str] = ()
    lost: Sequence[str] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that should be looked at."""
        return (*self.leaks, *self.lost)


def findings(division: Division, patch_size: int, progress: Progress) -> Findings:
    """Work out the figures of a split.

    Args:
        division: the split.
        patch_size: side of the patches that count, in pixels.
        progress: told how far it is; asked for cancelling.
    """
    runs = range(1, division.folds + 1) if division.folds else range(1)
    found = []
    for number, fold in enumerate(runs):
        part = Portion(progress, number / len(runs), (number + 1) / len(runs))
        part.report(0.0, "measuring distances between training and test")
        found.append(figures_of(division.labels, division.parts(fold), patch_size, part))
    scores = [item.location_only for item in found if item.location_only is not None]
    leaks = [leak for leak in (item.leak_at(patch_size) for item in found) if leak]
    result = Findings(
        tuple(found),
        patch_size,
        fmean(scores) if scores else None,
        fmean(leak.test_centres_inside for leak in leaks) if leaks else None,
        lost=_lost_classes(division, found),
    )
    return replace(result, leaks=_leaks(result, division))


def figures_of(labels: Labels, codes: Codes, patch_size: int, progress: Progress) -> Figures:
    """Work out the figures of one training and its test.

    Args:
        labels: the labelled pixels.
        codes: ``(n,)`` split codes.
        patch_size: side of patches beside the usual ones, in pixels.
        progress: asked for cancelling.
    """
    counts = {
        name: [int(count) for count in row]
        for name, row in zip(SPLIT_NAMES, class_table(labels, codes))
    }
    train, test = codes == TRAIN, codes == TEST
    if not train.any() or not test.any():
        return Figures(counts, None, (), None, None)
    near = labels.rows[test], labels.cols[test], labels.rows[train], labels.cols[train]
    progress.check_cancel()
    distance = nearest_distance(*near)
    progress.check_cancel()
    values = labels.values[train]
    guessed = location_only(*near[2:], values, *near[:2])
    asked = labels.values[test]
    radii = sorted({side // 2 for side in (*PATCHES, patch_size)})
    most = np.bincount(values).argmax()
    return Figures(
        counts,
        _distances(distance),
        leaks_within(distance, radii),
        float(np.mean(guessed == asked)),
        float(np.mean(asked == most)),
    )


def _distances(distance: npt.NDArray[np.float64]) -> Distances:
    whole = distance.astype(np.int64)
    least, most = int(whole.min()), int(whole.max())
    width = max(-(-(most - least + 1) // _BINS), 1)
    bins = -(-(most - least + 1) // width)
    pixels = np.bincount((whole - least) // width, minlength=bins)
    quarter, median, three = np.percentile(whole, [25, 50, 75])
    return Distances(
        least,
        float(quarter),
        float(median),
        float(three),
        most,
        [least + width * place for place in range(bins + 1)],
        [int(count) for count in pixels],
    )


def _lost_classes(division: Division, found: Sequence[Figures]) -> list[str]:
    """Name the classes that nothing trains in some fold."""
    lost = []
    for place, info in enumerate(division.labels.classes):
        folds = [
            str(fold)
            for fold, item in enumerate(found, 1)
            if item.counts["test"][place] and not item.counts["train"][place]
        ]
        if folds and division.folds:
            lost.append(
                f"Class '{info.name}' has no training pixel when fold {' or '.join(folds)} is "
                "tested: it lies in one block, or within the buffer. A model cannot know it there."
            )
    return lost


def _leaks(found: Findings, division: Division) -> list[str]:
    """Say what leaks."""
    texts = []
    side, radius = found.patch_size, found.patch_size // 2
    if found.inside:
        more = "" if division.folds else f" ({_inside(found):,} of {_tested(found):,})"
        cure = f"a BUFFER of {radius} or more"
        cure = cure if division.method in ("blocks", "folds", "polygons") else (
            f"SPLIT 'blocks' and {cure}"
        )  # fmt: skip
        texts.append(
            f"This split leaks: {share_text(found.inside)} of the test pixels{more} lie inside the "
            f"{side} x {side} patch of a training pixel. A network has looked at them while it "
            "learnt, so its accuracy on them says too little about other places. Use "
            f"{cure} to keep them apart."
        )
    score = found.location_only
    if score is not None and location_tells(score, _majority(found)):
        texts.append(
            f"The label of the nearest training pixel alone, without any spectrum, is right for "
            f"{share_text(score)} of the test pixels: a network that only knows places would look "
            "that good. Accuracies near that figure prove nothing."
        )
    return texts


def share_text(share: float) -> str:
    """Return a share in per cent that is neither rounded to none nor to all."""
    if 0 < share < 0.001:
        return "less than 0.1 %"
    return "more than 99.9 %" if 0.999 < share < 1 else f"{100 * share:.1f} %"


def _inside(found: Findings) -> int:
    return round((found.inside or 0.0) * _tested(found))


def _tested(found: Findings) -> int:
    return sum(item.total("test") for item in found.figures)


def _majority(found: Findings) -> float:
    known = [item.majority for item in found.figures if item.majority is not None]
    return fmean(known) if known else 0.0


def as_json(division: Division, found: Findings) -> dict[str, Any]:
    """Return everything about a split as plain values.

    Args:
        division: the split.
        found: its figures.
    """
    correlation = division.found
    record: dict[str, Any] = {
        "method": division.method,
        "block_size": division.block_size,
        "buffer": division.buffer,
        "seed": division.seed,
        "classes": [item.to_json() for item in division.labels.classes],
        "patch_size": found.patch_size,
        "location_only": found.location_only,
        "test_pixels_inside_training_patches": found.inside,
        "autocorrelation_range": correlation.range if correlation else None,
        "notes": list(division.notes),
        "warnings": [*found.warnings, *division.warnings],
    }
    parts = [_figures_json(item) for item in found.figures]
    return {**record, "folds": parts} if division.folds else {**record, **parts[0]}


def _figures_json(item: Figures) -> dict[str, Any]:
    return {
        "counts": {name: list(row) for name, row in item.counts.items()},
        "distances": vars(item.distances) if item.distances else None,
        "leak": [leak.to_json() for leak in item.leaks],
        "location_only": item.location_only,
        "most_frequent_class": item.majority,
    }
