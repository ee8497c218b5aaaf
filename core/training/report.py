"""The training report: what was trained on what, how it went, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.chips import ChipSetInfo
from ..modelfile import sections
from ..modelfile.bundle import ModelBundle
from ..modelfile.describe import network_stages
from ..modelfile.layers import layers
from ..modelfile.summary import describe
from ..report import html


def training_page(bundle: ModelBundle, info: ChipSetInfo, examples: Sequence[str] = ()) -> str:
    """Return the report of a training as one HTML page.

    Args:
        bundle: what the training gave.
        info: the chip set it was trained on.
        examples: the sheet of augmented examples, as pieces of a page.
    """
    body = [
        *sections.accuracy(bundle),
        *sections.course(bundle),
        *examples,
        *sections.classes(bundle),
        html.heading("The model"),
        html.bullets(describe(bundle)),
        *layers(bundle, network_stages(bundle)),
    ]
    if info.notes:
        body += [html.heading("Notes on the chip set"), html.bullets(info.notes)]
    return html.page("Training report", body)
