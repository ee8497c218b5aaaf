"""The page about a reduction of bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import DependencyError
from ..raster.bands import describe_range
from ..raster.source import RasterSource
from ..report import html
from ..report.axes import spectral_axis
from ..report.figures import components_picture, spectra_picture
from ..report.html import Cell
from .fitting import Fit
from .transform import Transform

FloatArray = npt.NDArray[np.float64]

DRAWN = 6  # components whose loadings are drawn
LISTED = 60  # components in the table


def reduction_page(
    source: RasterSource,
    transform: Transform,
    fit: Fit | None,
    *,
    notes: Sequence[str],
    warnings: Sequence[str],
) -> str:
    """Return the page.

    Args:
        source: the image.
        transform: what was done to it, bands and components.
        fit: of the components; None where there are none, or they were fitted before.
        notes: what was left out and why, a sentence each.
        warnings: what should be looked at.
    """
    body = [
        html.paragraph(f"{_capital(transform.summary)}.", "lead"),
        html.warnings(warnings),
        html.heading("What was done"),
        html.table(["", ""], _facts(source, transform), words=True),
        html.bullets(notes),
    ]
    if not transform.is_selection:
        body += _components(source, transform, fit)
    body += [html.heading("Bands used"), _bands(transform)]
    return html.page(f"Reduced bands of {source.name}", [piece for piece in body if piece])


def _facts(source: RasterSource, transform: Transform) -> list[list[Cell]]:
    rows: list[list[Cell]] = [
        ["Image", source.path],
        ["Its bands", describe_range(source.bands)],
        ["Used", describe_range(transform.bands)],
        ["Written", f"{transform.outputs} bands"],
    ]
    if not transform.is_selection:
        rows.append(["Fitted on", f"{transform.pixels:,} pixels of {transform.source_name}"])
        kept = html.percent(sum(transform.explained))
        rows.append([f"Share of {_of(transform)} kept", kept])
    return rows


def _of(transform: Transform) -> str:
    return "the signal-to-noise ratios" if transform.kind == "mnf" else "the variance"


def _components(source: RasterSource, transform: Transform, fit: Fit | None) -> list[str]:
    mnf = transform.kind == "mnf"
    what = "variance in units of the noise" if mnf else "variance"
    rows: list[list[Cell]] = [
        [name, f"{value:.5g}", *([f"{value - 1:.4g}"] if mnf else []), f"{100 * share:.3g} %"]
        for name, value, share in zip(transform.names, transform.values, transform.explained)
    ]
    heads = ["", _capital(what), *(["Signal to noise"] if mnf else []), "Share"]
    more = len(rows) - LISTED
    rest = [html.paragraph(f"And {more} more.", "note")] if more > 0 else []
    pictures = _pictures(source, transform, fit, what) if fit is not None else []
    return [html.heading("Components"), *pictures, html.table(heads, rows[:LISTED]), *rest]


def _pictures(source: RasterSource, transform: Transform, fit: Fit, what: str) -> list[str]:
    """Eigenvalues and loadings, or why they cannot be drawn."""
    share = f"share of {_of(transform)}, %"
    places, across = spectral_axis(source.bands)
    drawn = min(transform.outputs, DRAWN)
    try:
        curve = components_picture(
            fit.eigenvalues, fit.shares, transform.outputs, up=what, share=share
        )
        loadings = spectra_picture(
            places,
            [_with_gaps(source, transform, column) for column in fit.loadings[:, :drawn].T],
            names=transform.names[:drawn],
            across=across,
            up="correlation",
        )
    except DependencyError as error:
        return [html.paragraph(str(error), "note")]
    return [
        html.picture(curve, "Eigenvalues, and the share of the first components"),
        html.picture(loadings, "Correlation of the bands with the first components"),
        html.paragraph(
            "How the bands correlate with each component; the sign of a component is chosen so "
            "that the strongest correlation is positive.",
            "note",
        ),
    ]


def _with_gaps(source: RasterSource, transform: Transform, values: FloatArray) -> FloatArray:
    """Values of the bands used in the places of all bands, NaN between them."""
    found = np.full(len(source.bands), np.nan)
    found[[band.index - 1 for band in transform.bands]] = values
    return found


def _bands(transform: Transform) -> str:
    rows: list[list[Cell]] = []
    for place, band in enumerate(transform.bands):
        figures: list[Cell] = []
        if not transform.is_selection:
            figures = [f"{transform.mean[place]:.5g}", f"{transform.deviation[place]:.5g}"]
        nm = None if band.wavelength is None else f"{band.wavelength:.1f}"
        rows.append([f"{band.index} {band.name}", nm, *figures])
    heads = ["Band", "nm", *([] if transform.is_selection else ["Mean", "Deviation"])]
    return html.table(heads, rows)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
