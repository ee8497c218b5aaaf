"""The accuracy report: one HTML page with its pictures inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DependencyError
from ..report.curves import training_curves
from ..report.figures import confusion_picture
from ..report.html import Cell, bullets, heading, page, paragraph, percent, picture, table, warnings
from .findings import Findings, summary


def accuracy_page(findings: Findings, history: Sequence[Mapping[str, Any]], curves: str) -> str:
    """Return the report as HTML.

    Args:
        findings: of the assessment.
        history: the training's rows, one an epoch; empty where there are none.
        curves: why there are no training curves, where there are none.
    """
    lead, *rest = summary(findings)
    body = [
        warnings(findings.warnings),
        paragraph(lead, "lead"),
        bullets(rest),
        *_figures(findings),
        *_classes(findings),
        *_matrix(findings),
        *_curves(history, curves),
        *_split(findings),
        *_origin(findings),
    ]
    return page(f"Accuracy of {Path(findings.map).name}", [piece for piece in body if piece])


def _figures(findings: Findings) -> list[str]:
    counts = findings.pixel_counts
    rows: list[tuple[str, str]] = [
        ("Overall accuracy", percent(findings.overall_accuracy)),
        (
            "Average accuracy (mean of the producer's accuracies)",
            percent(findings.average_accuracy),
        ),
        ("Kappa", "-" if findings.kappa is None else f"{findings.kappa:.3f}"),
        ("Location only (the nearest training pixel's class)", percent(findings.location_only)),
        ("Pixels assessed", f"{counts.assessed:,}"),
        ("Labelled pixels the map leaves unclassified", f"{counts.not_classified:,}"),
        ("Labelled pixels outside the map", f"{counts.outside:,}"),
        ("Assessed pixels the model was trained on", f"{counts.in_training:,}"),
    ]
    for name, value in findings.without_training.items():
        shown = f"{value:.3f}" if name == "kappa" and value is not None else percent(value)
        rows.append((f"Without those: {name.replace('_', ' ')}", shown))
    note = "Unclassified pixels and pixels outside the map count neither as right nor as wrong."
    return [heading("Figures"), table(("", "value"), rows), paragraph(note, "note")]


def _classes(findings: Findings) -> list[str]:
    headers = (
        "Class",
        "F1",
        "Producer's accuracy",
        "User's accuracy",
        "Reference pixels",
        "Mapped there",
        "In the whole map",
        "Hectares",
    )
    rows = [
        (
            item.name,
            "-" if item.f1 is None else f"{item.f1:.3f}",
            percent(item.producers_accuracy),
            percent(item.users_accuracy),
            item.reference_pixels,
            item.mapped_pixels,
            item.map_pixels,
            "-" if item.hectares is None else f"{item.hectares:,.2f}",
        )
        for item in findings.classes
    ]
    note = (
        "Producer's accuracy: of the pixels that are the class, how many the map has right. "
        "User's accuracy: of the pixels mapped as the class, how many are it. The areas are "
        "counted in the map, not corrected for its errors."
    )
    colors = [item.color for item in findings.classes]
    return [heading("Classes"), table(headers, rows, colors), paragraph(note, "note")]


def _matrix(findings: Findings) -> list[str]:
    names = [item.name for item in findings.classes]
    pieces = [heading("Confusion matrix")]
    try:
        drawn = confusion_picture(np.asarray(findings.confusion_matrix), names)
        pieces.append(picture(drawn, "Confusion matrix: rows are the reference, columns the map"))
    except DependencyError as error:
        pieces.append(paragraph(str(error), "note"))
    headers = ("Reference \\ map", *names)
    rows: list[list[Cell]] = [[name, *row] for name, row in zip(names, findings.confusion_matrix)]
    pieces.append(table(headers, rows, [item.color for item in findings.classes]))
    return pieces


def _curves(history: Sequence[Mapping[str, Any]], missing: str) -> list[str]:
    if not history:
        return [heading("Training"), paragraph(missing, "note")] if missing else []
    return [heading("Training"), training_curves(history)]


def _split(findings: Findings) -> list[str]:
    if not findings.split_counts:
        return []
    names = list(findings.split_counts)
    rows: list[list[Cell]] = []
    for place, item in enumerate(findings.classes):
        counts = [findings.split_counts[name] for name in names]
        if place < min(len(column) for column in counts):
            rows.append([item.name, *(column[place] for column in counts)])
    return [
        heading("Split"),
        paragraph(f"Divided by {findings.split}."),
        table(("Class", *names), rows, [item.color for item in findings.classes]),
    ]


def _origin(findings: Findings) -> list[str]:
    rows = [("Map", findings.map), ("Held against", findings.reference)]
    rows += [(name.replace("_", " ").capitalize(), text) for name, text in findings.model.items()]
    return [heading("Origin"), table(("", ""), rows), bullets(findings.notes)]
