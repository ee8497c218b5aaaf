"""What an assessment found, as plain values: the JSON, the report and the result are made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..data.classes import ClassInfo
from .confusion import Figure, Figures


@dataclass(frozen=True)
class ClassFinding:
    """One class: figures 0..1 (None where there is nothing to stand on), pixels, area.

    Attributes:
        code: the reference's code (the map's, where only the map has the class).
        name: of the class.
        color: ``#rrggbb``.
        f1: see ``confusion.ClassFigures``, as the next ones.
        producers_accuracy: share of its reference pixels that the map has right.
        users_accuracy: share of the pixels mapped as it that are it.
        reference_pixels: assessed pixels that are it.
        mapped_pixels: assessed pixels mapped as it.
        map_pixels: pixels of the whole map.
        hectares: area of those; None where the CRS has no metres.
    """

    code: int
    name: str
    color: str
    f1: Figure
    producers_accuracy: Figure
    users_accuracy: Figure
    reference_pixels: int
    mapped_pixels: int
    map_pixels: int
    hectares: Figure


@dataclass(frozen=True)
class PixelCounts:
    """What became of the labelled pixels of the subset.

    Attributes:
        labelled: in the subset.
        assessed: compared with the map; every figure is of these.
        not_classified: the map has no class there; in no figure.
        outside: beside the map.
        in_training: assessed pixels that the map's model was trained on.
    """

    labelled: int
    assessed: int
    not_classified: int
    outside: int
    in_training: int


@dataclass(frozen=True)
class Findings:
    """The whole assessment.

    Attributes:
        map: path of the class map.
        reference: the layer or chip set it was held against.
        subset: ``test``, ``validation``, ``train`` or ``all``.
        overall_accuracy: see ``confusion.Figures``, as the next ones.
        average_accuracy: mean producer's accuracy.
        kappa: Cohen's.
        location_only: share of the pixels that the nearest training pixel has right.
        pixels: how many were assessed.
        classes: the classes of reference and map.
        confusion_matrix: rows reference, columns map, in the order of ``classes``.
        pixel_counts: what became of the labelled pixels.
        without_training: overall, average and kappa without the pixels that trained, where
            there are such.
        model: what the map says of its model.
        split: how the chip set was divided; empty for a layer.
        split_counts: pixels of each class by split.
        warnings: what must be known before the figures are believed.
        notes: what else there is to say.
    """

    map: str
    reference: str
    subset: str
    overall_accuracy: Figure
    average_accuracy: Figure
    kappa: Figure
    location_only: Figure
    pixels: int
    classes: tuple[ClassFinding, ...]
    confusion_matrix: tuple[tuple[int, ...], ...]
    pixel_counts: PixelCounts
    without_training: Mapping[str, Figure] = field(default_factory=dict)
    model: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    split_counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def class_findings(
    classes: Sequence[ClassInfo], figures: Figures, areas: Mapping[int, int], hectares: Figure
) -> tuple[ClassFinding, ...]:
    """Put the figures of each class beside its name and area.

    Args:
        classes: in the matrix's order.
        figures: of the matrix.
        areas: pixels of the whole map by class 1..k.
        hectares: of one pixel.
    """
    found = []
    for value, (info, item) in enumerate(zip(classes, figures.classes), start=1):
        pixels = int(areas.get(value, 0))
        found.append(
            ClassFinding(
                code=info.code,
                name=info.name,
                color=info.color,
                f1=item.f1,
                producers_accuracy=item.producers_accuracy,
                users_accuracy=item.users_accuracy,
                reference_pixels=item.reference,
                mapped_pixels=item.mapped,
                map_pixels=pixels,
                hectares=None if hectares is None else pixels * hectares,
            )
        )
    return tuple(found)


def summary(findings: Findings) -> list[str]:
    """Say in plain words what was found."""
    counts = findings.pixel_counts
    share = 100.0 * (findings.overall_accuracy or 0.0)
    lines = [
        f"The map is right at {share:.1f} % of {counts.assessed:,} {_kind(findings.subset)} pixels."
    ]
    if findings.location_only is not None:
        lines.append(_beside_location(findings))
    weakest = [item for item in findings.classes if item.f1 is not None and item.reference_pixels]
    if len(weakest) > 1:
        worst = min(weakest, key=lambda item: item.f1 or 0.0)
        best = max(weakest, key=lambda item: item.f1 or 0.0)
        lines.append(
            f"Best is {best.name} (F1 {best.f1:.2f}), weakest {worst.name} (F1 {worst.f1:.2f})."
        )
    mixed = _most_mixed(findings)
    if mixed:
        lines.append(mixed)
    return lines


def _kind(subset: str) -> str:
    return {"all": "labelled", "train": "training"}.get(subset, subset)


def _beside_location(findings: Findings) -> str:
    # Location is asked about pixels that did not train; the model must be, too.
    fresh = findings.without_training.get("overall_accuracy", findings.overall_accuracy)
    where = "Without the training pixels it" if findings.without_training else "That"
    location = 100.0 * (findings.location_only or 0.0)
    gained = 100.0 * (fresh or 0.0) - location
    words = f"{gained:.1f} points better" if gained >= 0 else f"{-gained:.1f} points worse"
    return (
        f"{where} is {words} than copying the class of the nearest training pixel, which is right "
        f"at {location:.1f} % without looking at any spectrum."
    )


def _most_mixed(findings: Findings) -> str:
    """Name the two classes that are taken for each other most often."""
    matrix, names = findings.confusion_matrix, [item.name for item in findings.classes]
    pairs = [
        (matrix[a][b] + matrix[b][a], names[a], names[b])
        for a in range(len(names))
        for b in range(a)
    ]
    count, first, second = max(pairs, default=(0, "", ""))
    if not count:
        return ""
    return f"Most often mixed up: {second} and {first} ({count:,} pixels)."


def plain(findings: Findings) -> dict[str, Any]:
    """Return the findings as what JSON can hold, the main figures first."""
    record = asdict(findings)
    record["confusion_matrix"] = [list(row) for row in findings.confusion_matrix]
    first = ("overall_accuracy", "average_accuracy", "kappa", "location_only", "pixels", "subset")
    return {name: record.pop(name) for name in first} | record
