"""The page about a check of training data."""

from __future__ import annotations

from ..errors import DependencyError
from ..inspection.finding import ERROR, NOTE, WARNING
from ..report import html
from ..report.figures import LARGEST_WITH_NUMBERS, confusion_picture
from ..report.html import Cell
from .doubts import ALIKE, FEWEST, HARD
from .outcome import Outcome
from .suspects import KINDS

_HEADINGS = {
    ERROR: "Errors: mend these first",
    WARNING: "Warnings: worth an hour before training",
    NOTE: "Good to know",
}
_PAIRS = 12
_NOISE = 0.001  # share of labels that is worth a sentence
_SUSPECTS = 40  # in the page; the layer holds them all


def check_page(outcome: Outcome) -> str:
    """Return the page."""
    body = [
        html.paragraph(outcome.verdict(), "lead"),
        html.paragraph(f"{outcome.reference} on {outcome.image}.", "note"),
    ]
    for severity, title in _HEADINGS.items():
        rows: list[list[Cell]] = [
            [item.topic, item.found, item.advice]
            for item in outcome.findings
            if item.severity == severity
        ]
        if rows:
            table = html.table(["About", "Found", "What to do"], rows, words=True)
            body += [html.heading(title), table]
    body += [html.heading("Classes"), *_classes(outcome)]
    body += [html.heading("Classes that look alike"), *_alike(outcome)]
    body += [html.heading("Suspicious samples"), *_suspects(outcome)]
    body += [html.heading("How the reference was read")]
    body.append(html.bullets(outcome.notes) or html.paragraph("As it is: nothing was left out."))
    return html.page(f"Training data for {outcome.image}", body)


def _classes(outcome: Outcome) -> list[str]:
    rows: list[list[Cell]] = [
        [
            item.info.name,
            item.info.code,
            item.labelled,
            item.labelled - item.usable,
            item.patches,
            item.looked_at,
            None if item.recognised is None else html.percent(item.recognised),
        ]
        for item in outcome.classes
    ]
    headers = ["Class", "Code", "Labelled pixels", "On nodata", outcome.patch_word.capitalize()]
    return [
        html.table(
            [*headers, "Compared", "Recognised"],
            rows,
            [item.info.color for item in outcome.classes],
        ),
        html.paragraph(
            "Recognised: share of the compared pixels that samples of other places take for their "
            "class, by single spectra. A network that sees the surroundings may do better; its "
            "accuracy is another figure.",
            "note",
        ),
    ]


def _alike(outcome: Outcome) -> list[str]:
    if outcome.confusion is None:
        return [html.paragraph("Not compared; the findings say why.")]
    names = [item.info.name for item in outcome.classes]
    pieces = []
    if len(names) <= LARGEST_WITH_NUMBERS:
        try:
            drawn = confusion_picture(outcome.confusion, names, sides=("label", "seen as"))
            pieces.append(html.picture(drawn, "Labels, and what other samples take them for"))
        except DependencyError as error:
            pieces.append(html.paragraph(str(error), "note"))
    shown = [pair for pair in outcome.pairs if pair.error >= HARD / 2][:_PAIRS]
    if shown:
        rows: list[list[Cell]] = [
            [
                f"{names[pair.first]} / {names[pair.second]}",
                html.percent(pair.error),
                pair.pixels,
                _word(pair.error, pair.pixels),
            ]
            for pair in shown
        ]
        pieces.append(html.table(["Classes", "Confused", "Pixels of the smaller", ""], rows))
    else:
        pieces.append(html.paragraph("The spectra tell every two classes apart."))
    pieces.append(
        html.paragraph(
            "Confused: how often one is taken for the other where there are only these two, mean "
            "of both; 50 % is what a coin reaches. Linear discriminant analysis with a shrunk "
            "covariance, every pixel judged without the polygon, point or patch it belongs to.",
            "note",
        )
    )
    return pieces


def _word(error: float, pixels: int) -> str:
    if pixels < FEWEST:
        return "too few to say"
    return "alike" if error >= ALIKE else "hard to tell apart" if error >= HARD else ""


def _suspects(outcome: Outcome) -> list[str]:
    if not outcome.suspects:
        return [html.paragraph("None.")]
    rows: list[list[Cell]] = [[kind, count] for kind, count in outcome.kinds().items()]
    colors = [KINDS[kind][1] for kind in outcome.kinds()]
    pieces = [html.table(["Kind", "Pixels"], rows, colors)]
    if outcome.noise is not None and outcome.noise >= _NOISE:
        pieces.append(
            html.paragraph(
                f"About {html.percent(outcome.noise)} of all labels look as if drawn at random, "
                "counting those among alike classes that cannot be pointed out one by one.",
            )
        )
    cells: list[list[Cell]] = [
        [item.kind, item.label, item.suggested or "", f"{item.row}, {item.col}", item.reason]
        for item in outcome.suspects[:_SUSPECTS]
    ]
    headers = ["Kind", "Label", "Looks like", "Row, column", "Why"]
    pieces.append(html.table(headers, cells, words=True))
    more = len(outcome.suspects) - _SUSPECTS
    words = f"{more:,} more are in the layer SUSPECTS. " if more > 0 else ""
    pieces.append(
        html.paragraph(
            f"{words}A suspicious sample may be right: look before you remove it.", "note"
        )
    )
    return pieces
