"""The page about a split."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import numpy as np

from ..data.separation import SPLIT_NAMES
from ..raster.grid import Grid
from ..report import html
from ..report.drawn import drawn
from ..report.figures import histogram_picture, places_picture
from ..report.html import Cell, percent
from .classes import raster_classes
from .division import Division
from .findings import Figures, Findings, share_text

_SHOWN = 700  # pixels of the picture's longer side

_STEPS = ("Least", "A quarter below", "Median", "Three quarters below", "Most")
WORDS = {
    "blocks": "square blocks of the scene go to training, validation or test as a whole",
    "polygons": "polygons go to training, validation or test as a whole",
    "folds": "square blocks of the scene; each fold is tested once, by what the others teach",
    "random": "pixels of every class drawn anywhere",
    "field": "as a field of the reference says",
    "raster": "as rasters say",
}


def split_page(name: str, grid: Grid, division: Division, found: Findings) -> str:
    """Return the page.

    Args:
        name: of the reference.
        grid: that it lies on.
        division: its split.
        found: the split's figures.
    """
    body = [
        html.paragraph(f"{len(division.labels):,} labelled pixels: {division.describe()}.", "lead"),
        html.warnings([*found.warnings, *division.warnings]),
        drawn(lambda: _map(division), "Where training, validation and test pixels lie"),
        html.table(["", ""], _facts(grid, division, found), words=True),
        html.heading("Labelled pixels"),
        _counts(division, found),
    ]
    if division.folds:
        body += [html.heading("Folds"), *_folds(found)]
    else:
        body += _one(found.figures[0], found.patch_size)
    if division.notes:
        body += [html.heading("What was done"), html.bullets(division.notes)]
    return html.page(f"Split of {name}", body)


def _facts(grid: Grid, division: Division, found: Findings) -> list[list[Cell]]:
    words = WORDS[division.method]
    facts: list[list[Cell]] = [
        ["Grid", grid.describe()],
        ["Method", f"{division.method}: {words}"],
        ["Buffer", f"{division.buffer} pixels"],
        ["Seed", str(division.seed)],
        ["Location alone", percent(found.location_only)],
        [
            f"Test pixels in a {found.patch_size} x {found.patch_size} training patch",
            "-" if found.inside is None else share_text(found.inside),
        ],
    ]
    if division.block_size:
        facts.insert(2, ["Blocks", f"{division.block_size} x {division.block_size} pixels"])
    return facts


def _counts(division: Division, found: Findings) -> str:
    classes = division.labels.classes
    if division.folds:
        names = [f"Fold {fold}" for fold in range(1, division.folds + 1)]
        columns = [item.counts["test"] for item in found.figures]
    else:
        counts = found.figures[0].counts
        names = [name.capitalize() for name in (*SPLIT_NAMES[1:], SPLIT_NAMES[0])]
        columns = [counts[name.lower()] for name in names]
    rows: list[list[Cell]] = [
        [info.name, info.code, *values, sum(values)] for info, values in zip(classes, zip(*columns))
    ]
    sums = [sum(column) for column in columns]
    rows.append(["All", None, *sums, sum(sums)])
    return html.table(["Class", "Code", *names, "All"], rows, [item.color for item in classes])


def _one(figures: Figures, patch_size: int) -> list[str]:
    """The distances and leaks of one training and its test."""
    distances = figures.distances
    if distances is None:
        return [html.paragraph("Nothing is tested, so there are no distances and no leaks.")]
    numbers: list[Cell] = [
        distances.least,
        *(f"{v:g}" for v in (distances.quarter, distances.median, distances.three_quarters)),
        distances.most,
    ]
    score = percent(figures.location_only)
    return [
        html.heading("From test pixels to training pixels"),
        html.table(["Distance in pixels", *_STEPS], [["", *numbers]]),
        drawn(
            lambda: histogram_picture(
                distances.edges,
                distances.pixels,
                across="distance to the nearest training pixel, pixels",
                up="test pixels",
            ),
            "How many test pixels lie how far from the nearest training pixel",
        ),
        html.paragraph(
            "Distances are the larger of rows and columns, as the buffer counts them.", "note"
        ),
        html.heading("What leaks"),
        _patches(figures, patch_size),
        html.paragraph(
            f"Location alone: the label of the nearest training pixel is right for {score} of the "
            f"test pixels; the most frequent class of training for {percent(figures.majority)}. "
            "An accuracy that is not well above these says little about the spectra."
        ),
    ]


def _patches(figures: Figures, patch_size: int) -> str:
    """A row for patches of each size."""
    rows: list[list[Cell]] = []
    for leak in figures.leaks:
        side = 2 * leak.radius + 1
        asked = " (PATCH_SIZE)" if side == patch_size else ""
        shares = share_text(leak.test_centres_inside), share_text(leak.test_patches_touching)
        rows.append([f"{side} x {side}{asked}", *shares])
    return html.table(["Patch", "Test pixels in a training patch", "Test patches that touch one"],
                      rows)  # fmt: skip


def _folds(found: Findings) -> list[str]:
    """A row a fold, and their mean."""
    rows: list[list[Cell]] = [
        _fold_row(f"Fold {number}", [item], found.patch_size)
        for number, item in enumerate(found.figures, 1)
    ]
    rows.append(_fold_row("Mean", found.figures, found.patch_size))
    side = f"{found.patch_size} x {found.patch_size}"
    headers = ["", "Training pixels", "Test pixels", "Least distance", "Median distance"]
    headers += [f"In a {side} training patch", "Touching one", "Location alone"]
    return [
        html.table(headers, rows),
        html.paragraph(
            "Each fold is tested by what the others teach; training pixels nearer than the buffer "
            "to it are left out. Distances are in pixels, the larger of rows and columns.",
            "note",
        ),
    ]


def _fold_row(name: str, figures: Sequence[Figures], patch_size: int) -> list[Cell]:
    """The figures of a fold, or the means of several."""
    distances = [item.distances for item in figures if item.distances]
    leaks = [leak for leak in (item.leak_at(patch_size) for item in figures) if leak]
    scores = [item.location_only for item in figures if item.location_only is not None]
    return [
        name,
        round(fmean(item.total("train") for item in figures)),
        round(fmean(item.total("test") for item in figures)),
        f"{fmean(item.least for item in distances):g}" if distances else None,
        f"{fmean(item.median for item in distances):g}" if distances else None,
        share_text(fmean(leak.test_centres_inside for leak in leaks)) if leaks else None,
        share_text(fmean(leak.test_patches_touching for leak in leaks)) if leaks else None,
        percent(fmean(scores)) if scores else None,
    ]


def _map(division: Division) -> bytes:
    """Draw the split small: of pixels that fall together, the last one is shown."""
    rows, cols = division.labels.rows, division.labels.cols
    top, left = int(rows.min()), int(cols.min())
    height, width = int(rows.max()) - top + 1, int(cols.max()) - left + 1
    step = max(-(-max(height, width) // _SHOWN), 1)
    shown = np.zeros((-(-height // step), -(-width // step)), dtype=np.uint8)
    used = division.codes > 0
    shown[(rows - top) // step, (cols - left) // step] = 255  # labelled, and not used
    shown[(rows[used] - top) // step, (cols[used] - left) // step] = division.codes[used]
    classes = {item.code: (item.name, item.color) for item in raster_classes(division.folds)}
    return places_picture(shown, {**classes, 255: ("unused", "#c9d1d9")})
