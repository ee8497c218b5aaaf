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
from ..report.curves import rate_curve
from .rate_finder import TRIAL
from .settings import TrainingSettings
from .told_settings import settings_rows


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
        *_trial(bundle),
        *sections.classes(bundle),
        html.heading("The model"),
        html.bullets(describe(bundle)),
        *_settings(bundle),
        *layers(bundle, network_stages(bundle)),
    ]
    if info.notes:
        body += [html.heading("Notes on the chip set"), html.bullets(info.notes)]
    return html.page("Training report", body)


def _settings(bundle: ModelBundle) -> list[str]:
    """The settings that had an effect: most of them came from a recipe, unseen by the user."""
    rows = settings_rows(TrainingSettings(**bundle.settings))
    return [html.heading("Settings of the training"), html.table(("", ""), rows, words=True)]


def _trial(bundle: ModelBundle) -> list[str]:
    """What the learning-rate finder found, where it was asked for."""
    trial = bundle.metrics.get(TRIAL)
    if not trial:
        return []
    taken, suggested = bundle.settings.get("learning_rate"), trial["suggested"]
    found = "No rate lowered the loss, and none is suggested"
    if suggested is not None:
        found = f"Suggested is {suggested:g}: a tenth of the rate where the loss was lowest"
    text = f"{found}. The training took {taken:g} as its highest." if taken else f"{found}."
    return [html.heading("Learning rates that were tried"), html.paragraph(text), rate_curve(trial)]
