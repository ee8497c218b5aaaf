"""The page about a raster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..raster.bands import Band, describe_range
from ..raster.source import RasterSource
from ..report import html
from ..report.axes import spectral_axis
from ..report.figures import spectra_picture
from ..report.html import Cell
from ..sizes import data_size
from ..timing import duration
from .class_spectra import ClassSpectrum
from .estimates import Estimate
from .survey import Survey

SHOWN = 60  # spectra of random pixels
MOST_CLASSES = 20  # in a picture
ORDERS = {"PIXEL": "pixel by pixel", "LINE": "line by line", "BAND": "band by band"}


def raster_page(
    source: RasterSource,
    bands: Sequence[Band],
    found: Survey,
    *,
    notes: Sequence[str],
    classes: Sequence[ClassSpectrum],
    costs: Sequence[Estimate] | str,
) -> str:
    """Return the page.

    Args:
        source: the raster.
        bands: those that were looked at, in the order of ``found``.
        found: their statistics and some spectra.
        notes: what to look at, a sentence each.
        classes: spectra of the classes, none where there is no reference.
        costs: what classifying takes, or why that is not known.
    """
    body = [
        html.paragraph(f"{source.grid.describe()}; {describe_range(bands)}.", "lead"),
        html.warnings(notes),
        html.heading("The image"),
        html.table(["", ""], _facts(source, bands, found), words=True),
        html.heading("Spectra of random pixels"),
        *_random_spectra(bands, found),
    ]
    if classes:
        body += [html.heading("Spectra of the classes"), *_class_spectra(bands, classes)]
    body += [html.heading("Classifying all of it"), *_costs(costs)]
    body += [html.heading("Bands"), _bands(bands, found)]
    return html.page(f"Raster {source.name}", body)


def _facts(source: RasterSource, bands: Sequence[Band], found: Survey) -> list[list[Cell]]:
    rows, cols = source.block_shape
    raw = source.grid.height * source.grid.width * len(source.bands) * source.dtype.itemsize
    whole = found.seen >= found.pixels
    seen = "all" if whole else f"{found.seen:,} of {found.pixels:,}, in blocks spread over it"
    scales = sorted({(band.scale, band.offset) for band in bands})
    told = ", ".join(f"x {scale:g} + {offset:g}" for scale, offset in scales[:3])
    nodata = sorted({f"{band.nodata:g}" for band in bands if band.nodata is not None})
    return [
        ["File", source.path],
        ["Values", f"{source.dtype.name}, {data_size(raw)} when unpacked"],
        ["Stored in", f"blocks of {cols} x {rows} pixels, {ORDERS[source.interleave]}"],
        ["Scale and offset", "none" if scales == [(1.0, 0.0)] else told],
        ["Nodata value", ", ".join(nodata[:3]) or "none"],
        ["Mask", "yes" if source.has_mask else "no"],
        ["Pixels looked at", seen],
        [
            "Pixels with values",
            f"{found.valid:,} ({html.percent(found.valid / max(found.seen, 1))})",
        ],
    ]


def _random_spectra(bands: Sequence[Band], found: Survey) -> list[str]:
    if not len(found.spectra):
        return [html.paragraph("No pixel with a value was seen.")]
    places, across = spectral_axis(bands)
    shown = found.spectra[:SHOWN]
    bad = [band.bad for band in bands]
    lines = [np.where(bad, np.nan, line) for line in shown]
    return [
        html.picture(spectra_picture(places, lines, across=across), "Spectra of random pixels"),
        html.paragraph(f"{len(shown)} pixels; bands marked as bad are left out.", "note"),
    ]


def _class_spectra(bands: Sequence[Band], classes: Sequence[ClassSpectrum]) -> list[str]:
    places, across = spectral_axis(bands)
    bad = [band.bad for band in bands]
    shown = [item for item in classes if item.seen][:MOST_CLASSES]
    rows: list[list[Cell]] = [
        [item.info.name, item.info.code, item.labelled, item.seen] for item in classes
    ]
    picture = spectra_picture(
        places,
        [np.where(bad, np.nan, item.mean) for item in shown],
        names=[item.info.name for item in shown],
        colors=[item.info.color for item in shown],
        spreads=[item.deviation for item in shown],
        across=across,
    )
    return [
        html.picture(picture, "Mean spectra of the classes with their spread"),
        html.paragraph("Mean of each class, and one standard deviation around it.", "note"),
        html.table(
            ["Class", "Code", "Labelled pixels", "Looked at"],
            rows,
            [item.info.color for item in classes],
        ),
    ]


def _costs(costs: Sequence[Estimate] | str) -> list[str]:
    if isinstance(costs, str):
        return [html.paragraph(costs)]
    rows: list[list[Cell]] = [
        [
            item.network,
            f"{item.patch} x {item.patch}",
            None if item.memory is None else data_size(item.memory),
            item.remark or (None if item.seconds is None else f"about {duration(item.seconds)}"),
        ]
        for item in costs
    ]
    return [
        html.table(["Network", "Sees", "Memory", "Time"], rows),
        html.paragraph(
            "By a block and a few tiles tried on this machine's processor, with untrained "
            "networks and a class map as the only output.",
            "note",
        ),
    ]


def _bands(bands: Sequence[Band], found: Survey) -> str:
    rows: list[list[Cell]] = []
    for place, band in enumerate(bands):
        values = (found.least, found.mean, found.most, found.deviation)
        rows.append([
            f"{band.index} {band.name}",
            None if band.wavelength is None else f"{band.wavelength:.1f}",
            "bad" if band.bad else "",
            html.percent(float(found.missing[place])),
            *(f"{v[place]:.5g}" if np.isfinite(v[place]) else None for v in values),
        ])  # fmt: skip
    headers = ["Band", "nm", "", "Without value", "Least", "Mean", "Most", "Deviation"]
    return html.table(headers, rows)
