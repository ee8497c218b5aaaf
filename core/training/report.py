"""The training report: what was trained on what, how it went, and how good it is."""

from __future__ import annotations

from ..data.chips import ChipSetInfo
from ..modelfile import sections
from ..modelfile.bundle import ModelBundle
from ..modelfile.summary import describe
from ..report import html


def training_page(bundle: ModelBundle, info: ChipSetInfo) -> str:
    """Return the report of a training as one HTML page.

    Args:
        bundle: what the training gave.
        info: the chip set it was trained on.
    """
    body = [
        *sections.accuracy(bundle),
        *sections.course(bundle),
        *sections.classes(bundle),
        html.heading("The model"),
        html.bullets(describe(bundle)),
    ]
    if info.notes:
        body += [html.heading("Notes on the chip set"), html.bullets(info.notes)]
    return html.page("Training report", body)
