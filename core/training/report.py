"""The training report: what was trained on what, how it went, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.chips import ChipSetInfo
from ..modelfile.bundle import ModelBundle
from ..modelfile.summary import describe
from ..report import html
from ..report.figures import curves_picture


def training_page(bundle: ModelBundle, info: ChipSetInfo) -> str:
    """Return the report of a training as one HTML page.

    Args:
        bundle: what the training gave.
        info: the chip set it was trained on.
    """
    body = [
        *_scores(bundle),
        html.heading("How it went"),
        html.picture(
            curves_picture(bundle.history), "Loss and accuracy on training and validation pixels"
        ),
        html.heading("Pixels of each class"),
        _counts(info),
        html.heading("The model"),
        html.bullets(describe(bundle)),
    ]
    if info.notes:
        body += [html.heading("Notes on the chip set"), html.bullets(info.notes)]
    return html.page("Training report", body)


def _scores(bundle: ModelBundle) -> Sequence[str]:
    """The figures of validation and test pixels, with location alone beside them."""
    rows: list[list[html.Cell]] = []
    for name in ("validation", "test"):
        found = bundle.metrics.get(name)
        if found:
            figures = ("overall_accuracy", "average_accuracy", "kappa", "location_only")
            rows.append([name, int(found["pixels"]), *(found[figure] for figure in figures)])
    headers = ["pixels of", "count", "overall", "average", "kappa", "location alone"]
    lead = "No pixels were held back: this report has no accuracy."
    test = bundle.metrics.get("test")
    if test:
        lead = (
            f"Overall accuracy {test['overall_accuracy']:.3f} on {test['pixels']:,} test pixels "
            f"that were neither trained on nor chosen by; location alone would have reached "
            f"{test['location_only']:.3f}."
        )
    return [html.paragraph(lead, "lead"), html.table(headers, rows)]


def _counts(info: ChipSetInfo) -> str:
    headers = ["class", *info.counts]
    rows: list[list[html.Cell]] = [
        [item.name, *(int(counts[number]) for counts in info.counts.values())]
        for number, item in enumerate(info.classes)
    ]
    return html.table(headers, rows, [item.color for item in info.classes])
