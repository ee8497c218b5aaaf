"""The job that reduces the bands of a raster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError, RasterError
from ..inference.scale import check_scale
from ..progress import Portion, Progress, SilentProgress
from ..raster.bands import describe_range, match_bands
from ..raster.output_path import all_distinct, check_output, move_into_place
from ..raster.source import RasterSource
from ..report.files import check_text_output, staged_text
from .carried import carried_transform, find_transform
from .composition import chained
from .fitting import Fit, fit_components
from .page import reduction_page
from .selection import select_bands
from .settings import ReduceSettings
from .transform import Transform, selection_of
from .writing import NAN, Form, check_space, form_of, open_writer, write_components, write_copy

__all__ = ["ReduceResult", "reduce_bands"]

MUCH_FILLED = 0.01  # share of the pixels that miss bands, from which that is a warning


@dataclass(frozen=True)
class ReduceResult:
    """What a reduction gave.

    Attributes:
        output: path of the raster.
        transform: path of the transform's file, empty where none was asked for.
        report: path of the page, likewise.
        method: ``selection``, ``pca`` or ``mnf``.
        bands_used: bands of the image that were used.
        output_bands: bands of the raster.
        explained: share of each component; empty for a selection.
        pixels: with values.
        notes: what was left out and why, and what was done.
        warnings: what should be looked at.
    """

    output: str
    transform: str
    report: str
    method: str
    bands_used: int
    output_bands: int
    explained: tuple[float, ...]
    pixels: int
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def reduce_bands(
    *,
    image: str,
    output: str,
    transform: str = "",
    report: str = "",
    apply: str = "",
    method: str = ReduceSettings.method,
    ranges: str = ReduceSettings.ranges,
    bands: str = ReduceSettings.bands,
    drop_bad: bool = ReduceSettings.drop_bad,
    drop_water_vapour: bool = ReduceSettings.drop_water_vapour,
    whiten: bool = ReduceSettings.whiten,
    components: int | None = ReduceSettings.components,
    explained: float | None = ReduceSettings.explained,
    sample: int = ReduceSettings.sample,
    progress: Progress | None = None,
) -> ReduceResult:
    """Reduce the bands of a raster: choose some, or make components of them.

    Args:
        image: raster that GDAL opens.
        output: GeoTIFF to write; it carries the transform.
        transform: JSON file to write the transform to; empty for none.
        report: HTML page to write; empty for none.
        apply: a transform made before: its file, a raster that it made, or a model trained on
            one. All that follows is then as it says.
        method: see ``ReduceSettings``, as for all that follow.
        ranges: wavelengths, nm.
        bands: numbers.
        drop_bad: leave bad bands out.
        drop_water_vapour: leave bands out in which water vapour absorbs.
        whiten: principal components of variance 1.
        components: how many; None goes by ``explained``.
        explained: share to keep, 0..1.
        sample: pixels to fit on; 0 takes all.
        progress: told what is done.

    Raises:
        InputError, RasterError: for what the user can mend; what was there before stays.
        Cancelled: the user stopped; likewise.
    """
    progress = progress or SilentProgress()
    settings = ReduceSettings(
        method=method,
        ranges=ranges,
        bands=bands,
        drop_bad=drop_bad,
        drop_water_vapour=drop_water_vapour,
        whiten=whiten,
        components=components,
        explained=explained,
        sample=sample,
    )
    settings.check()
    with RasterSource(image) as source:
        files = (image, *source.files(), *([apply] if apply else []))
        _check_outputs(output, (transform, report), files)
        progress.log(f"{source.name}: {source.grid.describe()}; {describe_range(source.bands)}.")
        plan = _planned(source, find_transform(apply), progress) if apply else None
        job = plan or _fitted(source, settings, Portion(progress, 0.0, 0.6))
        return _write(source, job, output, transform, report, inputs=files, progress=progress)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is done to the image.

    Attributes:
        step: from the image to the output.
        noted: from the original image to the output: more than ``step`` where the image was
            reduced itself.
        positions: of the step's bands in the image.
        fit: of its components; None where there are none, or they were fitted before.
        notes: sentences for the log.
        warnings: likewise.
        begun: how far the job is when the step is known, 0..1.
    """

    step: Transform
    noted: Transform
    positions: Sequence[int]
    fit: Fit | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    begun: float


def _fitted(source: RasterSource, settings: ReduceSettings, progress: Progress) -> _Plan:
    """Choose bands, and fit components where the method has them."""
    earlier = carried_transform(source)
    chosen = select_bands(source, settings, progress)
    for note in chosen.notes:
        progress.log(note)
    fit, notes = None, list(chosen.notes)
    warnings: list[str] = []
    if settings.method == "selection":
        step = selection_of(chosen.bands, source.name, len(source.bands))
    else:
        fit = fit_components(source, chosen.bands, settings, progress)
        step = fit.transform
        notes += fit.notes
        warnings += fit.warnings
        for note in fit.notes:
            progress.log(note)
    noted = step
    if earlier is not None:
        noted = chained(earlier, step)
        notes.append(
            f"{source.name} was made by 'Reduce bands' itself: the transform that is kept goes "
            f"from the bands of {earlier.source_name}."
        )
        progress.log(notes[-1])
    for warning in warnings:
        progress.warn(warning)
    positions = [band.index - 1 for band in step.bands]
    return _Plan(step, noted, positions, fit, tuple(notes), tuple(warnings), 0.6 if fit else 0.02)


def _planned(source: RasterSource, found: Transform, progress: Progress) -> _Plan:
    """Find the bands of a transform made before in another image.

    Raises:
        RasterError: the image lacks bands, is reduced already, or has another scale.
    """
    notes = [
        f"Applied: {found.summary}. Method, bands and components are those of the transform; what "
        "is set for them here is not used."
    ]
    progress.log(notes[0])
    earlier = carried_transform(source)
    # Before bands are counted: there may be as many components as the original has bands.
    if earlier is not None and not earlier.is_selection:
        raise RasterError(
            f"{source.name} was reduced already ({earlier.summary}); the transform takes the bands "
            f"of an original image, such as {found.source_name}. Choose the original image."
        )
    positions = match_bands(found.bands, source, found.source_bands)
    if not found.is_selection:
        statistics = {"mean": found.mean, "deviation": found.deviation}
        check_scale(
            source, positions, statistics, progress, "the image the transform was made from"
        )
    return _Plan(found, found, positions, None, tuple(notes), (), 0.02)


def _write(
    source: RasterSource,
    job: _Plan,
    output: str,
    transform: str,
    report: str,
    *,
    inputs: Sequence[str],
    progress: Progress,
) -> ReduceResult:
    """Write raster, transform and page: all of them, or none."""
    step, notes, warnings = job.step, list(job.notes), list(job.warnings)
    form = Form("float32", NAN)
    if step.is_selection:
        form = form_of(source, [source.bands[position] for position in job.positions])
    if form.note:
        notes.append(form.note)
        progress.log(form.note)
    check_space(source, step, form, output, progress)
    noted = job.noted
    with ExitStack() as stack:
        writer = stack.enter_context(
            open_writer(output, source, job.positions, step, noted, form=form, inputs=inputs)
        )
        rest = Portion(progress, job.begun, 0.99)
        if step.is_selection:
            made = write_copy(writer, source, job.positions, form, rest)
        else:
            made = write_components(writer, source, job.positions, step, rest)
        if not made.pixels:
            raise RasterError(
                f"{source.name} has no pixel with a value in the bands used: all are nodata. Check "
                "its nodata value and its mask. Nothing was written."
            )
        if made.filled:
            grave = made.filled >= MUCH_FILLED * made.pixels
            said = made.gaps(len(step.bands))
            (warnings if grave else notes).append(said)
            (progress.warn if grave else progress.log)(said)
        writer.finish()
        finished = [writer.staged]
        if transform:
            text = json.dumps(noted.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
            finished.append(stack.enter_context(staged_text(transform, text + "\n")))
        if report:
            page = reduction_page(source, step, job.fit, notes=notes, warnings=warnings)
            finished.append(stack.enter_context(staged_text(report, page)))
        move_into_place(finished)
    progress.log(f"Written: {noted.summary}; {made.pixels:,} pixels with values.")
    for name in step.descriptions[:10] if not step.is_selection else ():
        progress.log(f"  {name}")
    progress.report(1.0, "")
    return ReduceResult(
        output,
        transform,
        report,
        step.kind,
        len(step.bands),
        step.outputs,
        step.explained,
        made.pixels,
        tuple(notes),
        tuple(warnings),
    )


def _check_outputs(output: str, texts: Sequence[str], inputs: Sequence[str]) -> None:
    """Refuse outputs that cannot be written, or that are one file, before anything is computed."""
    paths = [check_output(output, inputs)]
    for text in filter(None, texts):
        check_text_output(text)
        paths.append(Path(text))
    if not all_distinct(paths, inputs):
        raise InputError(
            "OUTPUT, TRANSFORM and REPORT are not all files of their own, or one of them is a file "
            "that is read. Give each another name."
        )
