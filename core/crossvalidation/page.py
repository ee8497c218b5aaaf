"""The page about a cross-validation."""

from __future__ import annotations

from ..report import html
from ..report.drawn import drawn
from ..report.figures import confusion_picture
from ..timing import duration
from .findings import FIGURES, Findings

TITLES = {
    "overall_accuracy": "Overall accuracy",
    "average_accuracy": "Average accuracy",
    "kappa": "Kappa",
    "location_only": "Location alone",
}


def fold_page(found: Findings) -> str:
    """Return the page as HTML."""
    body = [
        html.warnings(found.warnings),
        html.paragraph(lead(found), "lead"),
        *_figures(found),
        *_folds(found),
        *_classes(found),
        *_matrix(found),
        html.heading("What was done"),
        html.bullets([f"{found.network}; {found.summary}.", *found.notes]),
    ]
    return html.page(f"Cross-validation on {found.chips}", [piece for piece in body if piece])


def lead(found: Findings) -> str:
    """Return the result in a sentence."""
    overall, location = found.spreads["overall_accuracy"], found.spreads["location_only"]
    beside = "" if location.mean is None else f"; location alone reaches {location.text()}"
    return f"Overall accuracy {overall.text()} over {len(found.outcomes)} folds{beside}."


def _figures(found: Findings) -> list[str]:
    pooled = found.pooled
    together = {
        "overall_accuracy": pooled.overall,
        "average_accuracy": pooled.average,
        "kappa": pooled.kappa,
        "location_only": found.location,
    }
    rows: list[list[html.Cell]] = [
        [TITLES[name], found.spreads[name].text(), together[name]] for name in FIGURES
    ]
    note = (
        "Mean ± standard deviation of the folds, each counted once; and the figure of all held-out "
        "samples together. Every sample was predicted once, by the model that had not seen it. "
        "Location alone gives each sample the class of the nearest training sample, without any "
        "spectrum."
    )
    return [
        html.heading("Figures"),
        html.table(("", "Mean ± sd of folds", "All together"), rows),
        html.paragraph(note, "note"),
    ]


def _folds(found: Findings) -> list[str]:
    headers = ("Fold", "Training", "Validation", "Held out", "Left out", "Overall", "Average",
               "Kappa", "Location alone", "Epochs", "Time")  # fmt: skip
    rows: list[list[html.Cell]] = []
    for outcome in found.outcomes:
        test, counts = outcome.model.metrics["test"], outcome.counts
        rows.append(
            [
                str(outcome.number),
                counts["train"],
                counts["validation"],
                counts["test"],
                counts["unused"],
                *(test[name] for name in FIGURES),
                outcome.epochs,
                duration(outcome.seconds),
            ]
        )
    note = "Left out: too near to the held-out samples to train, or in no fold."
    return [html.heading("Folds"), html.table(headers, rows), html.paragraph(note, "note")]


def _classes(found: Findings) -> list[str]:
    headers = ("Class", "F1 of folds", "Folds", "F1 of all", "Producer's accuracy",
               "User's accuracy", "Samples")  # fmt: skip
    rows: list[list[html.Cell]] = [
        [
            name,
            spread.text(),
            spread.folds,
            item.f1,
            item.producers_accuracy,
            item.users_accuracy,
            item.reference,
        ]
        for name, spread, item in zip(found.names, found.f1, found.pooled.classes)
    ]
    return [html.heading("Classes"), html.table(headers, rows, found.colors)]


def _matrix(found: Findings) -> list[str]:
    matrix = found.pooled.matrix
    picture = drawn(
        lambda: confusion_picture(matrix, found.names, sides=("reference", "predicted")),
        "Confusion matrix of all held-out samples: rows are the reference",
    )
    rows: list[list[html.Cell]] = [
        [name, *(int(count) for count in row)] for name, row in zip(found.names, matrix)
    ]
    headers = ("Reference \\ predicted", *found.names)
    return [
        html.heading("Confusion matrix of all held-out samples"),
        picture,
        html.table(headers, rows, found.colors),
    ]
