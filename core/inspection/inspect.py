"""The job that inspects a raster."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.labels import Labels, read_labels
from ..errors import InputError
from ..inference.settings import ClassifySettings
from ..progress import Portion, Progress, SilentProgress
from ..raster.bands import describe_range
from ..raster.source import RasterSource
from ..report.files import check_text_output, write_text
from .class_spectra import ClassSpectrum, class_spectra
from .estimates import estimates
from .findings import findings
from .page import raster_page
from .survey import survey

SPECTRA = 2000  # drawn; some are shown, all of them fit the inputs of the networks that are tried
CLASSES = 10  # assumed for the estimates where there is no reference


@dataclass(frozen=True)
class InspectResult:
    """What a raster is, in short.

    Attributes:
        report: path of the page.
        width: pixels.
        height: pixels.
        bands: a transparency band not counted.
        valid_share: of the pixels that were looked at, 0..1.
        classes: of the reference, 0 without one.
        warnings: what to look at, a sentence each.
    """

    report: str
    width: int
    height: int
    bands: int
    valid_share: float
    classes: int
    warnings: Sequence[str]


def inspect_raster(
    *,
    image: str,
    report: str,
    reference: str = "",
    layer: str = "",
    field: str = "",
    unlabelled: int | None = None,
    styles: Sequence[Any] = (),
    memory_mb: int = ClassifySettings.memory_mb,
    seed: int = 0,
    progress: Progress | None = None,
) -> InspectResult:
    """Write a page about a raster.

    Args:
        image: raster that GDAL opens.
        report: HTML page to write.
        reference: labels, whose classes' spectra are shown; empty for none.
        layer: of a reference file with several.
        field: of a layer: holds the classes.
        unlabelled: value that means no label; 0 where None.
        styles: names and colours of classes, see ``core.data.export``.
        memory_mb: budget that a classification would have, MiB.
        seed: of the draw of pixels.
        progress: told what is found.

    Raises:
        RasterError: the image cannot be read.
        LabelError: the reference has no label on the image.
        InputError: the report cannot be written.
        Cancelled: the user stopped; an earlier report is still there.
    """
    progress = progress or SilentProgress()
    check_text_output(report)
    with suppress(OSError):
        if Path(report).samefile(image):
            raise InputError(f"REPORT is the image {image} itself; choose another file.")
    with RasterSource(image) as source:
        bands = [band for band in source.bands if band.index != source.alpha]
        positions = [band.index - 1 for band in bands]
        progress.log(f"{source.name}: {source.grid.describe()}; {describe_range(bands)}.")
        labels: Labels | None = None
        if reference:
            labels = read_labels(
                reference,
                source.grid,
                layer=layer,
                field=field,
                unlabelled=unlabelled,
                styles=styles,
                progress=Portion(progress, 0.0, 0.1),
            )
        found = survey(source, spectra=SPECTRA, seed=seed, progress=Portion(progress, 0.1, 0.6))
        notes = [item.sentence for item in findings(source, bands, found)]
        for note in notes:
            progress.warn(note)
        classes: list[ClassSpectrum] = []
        if labels is not None:
            part = Portion(progress, 0.6, 0.8)
            classes = class_spectra(source, positions, labels, seed=seed, progress=part)
        usable = [
            place for place, band in enumerate(bands) if not band.bad and found.missing[place] < 1.0
        ]
        costs = estimates(
            source,
            [positions[place] for place in usable],
            found.spectra[:, usable],
            classes=max(len(classes), 2) if classes else CLASSES,
            memory_mb=memory_mb,
            progress=progress,
        )
        page = raster_page(source, bands, found, notes=notes, classes=classes, costs=costs)
        width, height = source.grid.width, source.grid.height
    write_text(report, page)
    progress.report(1.0, "")
    share = found.valid / max(found.seen, 1)
    return InspectResult(report, width, height, len(bands), share, len(classes), tuple(notes))
