"""The members of an ensemble on the page about it."""

from __future__ import annotations

from ..report import html
from .bundle import ModelBundle


def members_section(bundle: ModelBundle) -> list[str]:
    """Return what an ensemble is and a row for each of its members."""
    rows: list[list[html.Cell]] = []
    for number, member in enumerate(bundle.members, 1):
        test = member.metrics.get("test", {})
        rows.append(
            [
                f"{number}: {member.architecture}",
                member.patch_size,
                member.parameters,
                member.normalisation.kind,
                len(member.training_rows),
                len(member.history),
                str(member.seed),
                test.get("overall_accuracy"),
            ]
        )
    headers = (
        "Member",
        "Patch",
        "Parameters",
        "Normalisation",
        "Training pixels",
        "Epochs",
        "Seed",
        "Overall accuracy on its test pixels",
    )
    told = (
        "Every member sees the image through its own normalisation, and the probabilities of all "
        "are averaged. Members with equal normalisations share their inputs."
    )
    return [html.heading("Members"), html.paragraph(told), html.table(headers, rows)]
