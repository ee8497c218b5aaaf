"""The job that splits reference data: training, validation and test, or folds, as rasters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from ..progress import Portion, Progress, SilentProgress
from ..raster.opening import short_name
from .division import Division, divide
from .findings import Findings, findings
from .outputs import Outputs
from .reference import Reference, lay_out
from .settings import SplitSettings


@dataclass(frozen=True)
class SplitResult:
    """What a split gave.

    Attributes:
        output: raster of the split.
        train: class raster of the training pixels; empty where none was asked for.
        validation: likewise.
        test: likewise.
        report: HTML page, or empty.
        json: figures, or empty.
        method: one of ``settings.SPLITS``.
        blocks: side of the blocks in pixels, 0 without.
        train_pixels: how many; of folds the mean.
        validation_pixels: likewise.
        test_pixels: likewise.
        location_only: share (0..1) of test pixels that location alone gets right, of folds the
            mean; -1 where nothing is tested.
        inside: share (0..1) of test pixels in a training patch of PATCH_SIZE, likewise.
        leaks: whether a test pixel lies in such a patch, or location alone tells nearly all.
        notes: what was done.
        warnings: what should be looked at.
    """

    output: str
    train: str
    validation: str
    test: str
    report: str
    json: str
    method: str
    blocks: int
    train_pixels: int
    validation_pixels: int
    test_pixels: int
    location_only: float
    inside: float
    leaks: bool
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def split_reference(
    *,
    reference: str,
    output: str,
    layer: str = "",
    field: str = "",
    unlabelled: int | None = None,
    styles: Sequence[Any] = (),
    image: str = "",
    pixel_size: float | None = None,
    train: str = "",
    validation: str = "",
    test: str = "",
    report: str = "",
    json: str = "",
    split: str = SplitSettings.split,
    split_field: str = SplitSettings.split_field,
    split_raster: str = SplitSettings.split_raster,
    train_mask: str = SplitSettings.train_mask,
    validation_mask: str = SplitSettings.validation_mask,
    test_mask: str = SplitSettings.test_mask,
    block_size: int | None = SplitSettings.block_size,
    buffer: int | None = SplitSettings.buffer,
    train_fraction: float = SplitSettings.train_fraction,
    validation_fraction: float = SplitSettings.validation_fraction,
    count_per_class: int = SplitSettings.count_per_class,
    min_per_class: int = SplitSettings.min_per_class,
    k: int = SplitSettings.k,
    patch_size: int = SplitSettings.patch_size,
    seed: int = SplitSettings.seed,
    progress: Progress | None = None,
) -> SplitResult:
    """Split reference data.

    Args:
        reference: raster of class codes, or file with a layer of polygons or points.
        output: GeoTIFF of the split: 0 unused, 1 train, 2 validation, 3 test, or folds 1..k.
        layer: of a reference file with several.
        field: of a layer: holds the classes.
        unlabelled: value that means no label; 0 where None.
        styles: names and colours of classes, see ``core.data.export``.
        image: whose grid the split gets; empty: the reference's own.
        pixel_size: for a layer without an image, in units of its CRS.
        train: GeoTIFF of the classes of training pixels; empty for none.
        validation: of validation pixels.
        test: of test pixels.
        report: HTML page; empty for none.
        json: figures; empty for none.
        split: see ``SplitSettings``, as for all that follow.
        split_field: for ``field``.
        split_raster: for ``raster``.
        train_mask: for ``raster``.
        validation_mask: for ``raster``.
        test_mask: for ``raster``.
        block_size: None is chosen.
        buffer: None is what suits the method.
        train_fraction: 0..1.
        validation_fraction: 0..1.
        count_per_class: 0 goes by the share.
        min_per_class: 0 takes all classes.
        k: folds.
        patch_size: odd.
        seed: of all draws.
        progress: told what is going on.

    Raises:
        InputError, RasterError, LabelError, SplitError: for what the user can mend; what was
            there before stays.
        Cancelled: where the user stopped; likewise.
    """
    progress = progress or SilentProgress()
    settings = SplitSettings(
        split=split,
        split_field=split_field,
        split_raster=split_raster,
        train_mask=train_mask,
        validation_mask=validation_mask,
        test_mask=test_mask,
        block_size=block_size,
        buffer=buffer,
        train_fraction=train_fraction,
        validation_fraction=validation_fraction,
        count_per_class=count_per_class,
        min_per_class=min_per_class,
        k=k,
        patch_size=patch_size,
        seed=seed,
    )
    group_field = split_field if split == "field" else ""
    given = Reference(reference, layer, field, group_field, unlabelled, styles, image, pixel_size)
    outputs = Outputs(output, train, validation, test, report, json)
    division, found = _split(given, settings, outputs, progress)
    progress.report(1.0, "")
    return _result(outputs, division, found)


def _split(
    reference: Reference, settings: SplitSettings, outputs: Outputs, progress: Progress
) -> tuple[Division, Findings]:
    """Check what can be checked, then do the steps."""
    settings.check()
    inputs = (reference.path, reference.image, settings.split_raster, *settings.masks)
    outputs.check(tuple(filter(None, inputs)), folds=settings.split == "folds")
    reference.check()
    laid = lay_out(reference, Portion(progress, 0.0, 0.3))
    outputs.check_codes(laid.labels)
    _say(progress, laid.notes)
    _warn(progress, laid.labels.warnings)
    progress.report(0.3, "dividing the labelled pixels")
    division = divide(laid.labels, laid.grid, settings, Portion(progress, 0.3, 0.6))
    _say(progress, division.notes)
    found = findings(division, settings.patch_size, Portion(progress, 0.6, 0.9))
    _say(progress, _counts(division, found))
    _warn(progress, [*found.warnings, *division.warnings])
    # The page tells what was done from the beginning.
    name = short_name(reference.path)
    whole = replace(
        division,
        notes=(*laid.notes, *division.notes),
        warnings=(*laid.labels.warnings, *division.warnings),
    )
    outputs.write(name, laid.grid, whole, found, Portion(progress, 0.9, 1.0))
    return whole, found


def _say(progress: Progress, lines: Sequence[str]) -> None:
    for line in lines:
        progress.log(line)


def _warn(progress: Progress, lines: Sequence[str]) -> None:
    for line in lines:
        progress.warn(line)


def _counts(division: Division, found: Findings) -> list[str]:
    """Say how many pixels of each class are for what, and what the split is worth."""
    lines = []
    for place, info in enumerate(division.labels.classes):
        if division.folds:
            counts = [item.counts["test"][place] for item in found.figures]
            words = ", ".join(f"{count:,} in fold {n}" for n, count in enumerate(counts, 1))
        else:
            table = found.figures[0].counts
            words = ", ".join(f"{row[place]:,} {name}" for name, row in table.items() if any(row))
        lines.append(f"{info.code} {info.name}: {words}")
    distances = [item.distances for item in found.figures if item.distances]
    if distances and found.location_only is not None:
        side = found.patch_size
        lines.append(
            f"The nearest test pixel is {min(item.least for item in distances)} pixels from a "
            f"training pixel, the median {fmean(item.median for item in distances):g}. "
            f"{100 * (found.inside or 0):.1f} % of the test pixels lie in a {side} x {side} "
            f"training patch. Location alone gets {100 * found.location_only:.1f} % of them right."
        )
    return lines


def _result(outputs: Outputs, division: Division, found: Findings) -> SplitResult:
    def mean(name: str) -> int:
        return round(fmean(item.total(name) for item in found.figures))

    return SplitResult(
        output=outputs.output,
        train=outputs.train,
        validation=outputs.validation,
        test=outputs.test,
        report=outputs.report,
        json=outputs.figures,
        method=division.method,
        blocks=division.block_size,
        train_pixels=mean("train"),
        validation_pixels=mean("validation"),
        test_pixels=mean("test"),
        location_only=-1.0 if found.location_only is None else found.location_only,
        inside=-1.0 if found.inside is None else found.inside,
        leaks=bool(found.leaks),
        notes=division.notes,
        warnings=(*found.warnings, *division.warnings),
    )
