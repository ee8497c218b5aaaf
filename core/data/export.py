"""The job that exports training chips: from an image and its reference to a chip set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..progress import Portion, Progress, SilentProgress
from ..raster.bands import describe_range, usable_bands
from ..raster.output_path import move_into_place
from ..raster.source import RasterSource
from .chips import check_folder
from .export_run import ExportRun
from .export_settings import ExportSettings
from .footprints import check_footprints, staged_footprints
from .labels import read_labels
from .valid_labels import drop_invalid

__all__ = ["ExportResult", "ExportSettings", "export_training_chips"]


@dataclass(frozen=True)
class ExportResult:
    """What an export gave.

    Attributes:
        output: folder of the chip set.
        footprints: file of the outlines, empty where none were asked for.
        chips: how many.
        windows: how many.
        bands: how many.
        classes: names.
        counts: labelled pixels of each class, by the name of the split.
        location_only: share of test pixels that location alone gets right, or None.
        hash: of labels, split and values.
        notes: what was dropped, reprojected, resampled.
        warnings: what should be looked at, such as thin classes.
    """

    output: str
    footprints: str
    chips: int
    windows: int
    bands: int
    classes: tuple[str, ...]
    counts: Mapping[str, Sequence[int]]
    location_only: float | None
    hash: str
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def export_training_chips(
    *,
    image: str,
    reference: str,
    output: str,
    layer: str = "",
    field: str = "",
    unlabelled: int | None = None,
    styles: Sequence[Any] = (),
    footprints: str = "",
    chip_size: int = ExportSettings.chip_size,
    halo: int = ExportSettings.halo,
    split: str = ExportSettings.split,
    split_field: str = ExportSettings.split_field,
    split_raster: str = ExportSettings.split_raster,
    block_size: int = ExportSettings.block_size,
    buffer: int = ExportSettings.buffer,
    train_fraction: float = ExportSettings.train_fraction,
    validation_fraction: float = ExportSettings.validation_fraction,
    max_per_class: int = ExportSettings.max_per_class,
    count_per_class: int = ExportSettings.count_per_class,
    min_per_class: int = ExportSettings.min_per_class,
    seed: int = ExportSettings.seed,
    file_format: str = ExportSettings.file_format,
    progress: Progress | None = None,
) -> ExportResult:
    """Export training chips.

    Args:
        image: raster that GDAL opens.
        reference: raster of class codes, or file with a layer of polygons or points.
        output: folder of the chip set; an earlier chip set there is replaced, anything else
            refused.
        layer: of a reference file with several.
        field: of a layer: holds the classes.
        unlabelled: value that means no label; 0 where None.
        styles: names and colours of classes: mappings with ``value`` or ``code``, ``name``
            and ``color``.
        footprints: file for the outlines of the chips; empty for none.
        chip_size: see ``ExportSettings``, as for all that follow.
        halo: image pixels around a chip's labels.
        split: ``blocks``, ``random``, ``polygons``, ``field`` or ``raster``.
        split_field: for ``field``.
        split_raster: for ``raster``.
        block_size: in pixels.
        buffer: in pixels.
        train_fraction: 0..1.
        validation_fraction: 0..1.
        max_per_class: 0 is no limit.
        count_per_class: 0 goes by the share.
        min_per_class: 0 takes all classes.
        seed: of all draws.
        file_format: ``geotiff``, ``hdf5``, ``csv`` or ``libsvm``.
        progress: told what is going on.

    Raises:
        InputError, RasterError, LabelError, SplitError, ChipSetError: for what the user can
            mend; what was there before stays.
        Cancelled: where the user stopped; likewise.
    """
    progress = progress or SilentProgress()
    settings = ExportSettings(
        chip_size=chip_size,
        halo=halo,
        split=split,
        split_field=split_field,
        split_raster=split_raster,
        block_size=block_size,
        buffer=buffer,
        train_fraction=train_fraction,
        validation_fraction=validation_fraction,
        max_per_class=max_per_class,
        count_per_class=count_per_class,
        min_per_class=min_per_class,
        seed=seed,
        file_format=file_format,
    )
    labelled = _Reference(reference, layer, field, unlabelled, tuple(styles))
    return _export(image, labelled, settings, output, footprints=footprints, progress=progress)


@dataclass(frozen=True)
class _Reference:
    """Reference data as the user named it."""

    path: str
    layer: str
    field: str
    unlabelled: int | None
    styles: tuple[Any, ...]


def _export(
    image: str,
    reference: _Reference,
    settings: ExportSettings,
    output: str,
    *,
    footprints: str,
    progress: Progress,
) -> ExportResult:
    """Check what can be checked, then do the steps."""
    settings.check()
    check_folder(output)
    if footprints:
        check_footprints(footprints)
    with RasterSource(image) as source:
        bands, band_notes = usable_bands(source, progress=progress)
        labels = read_labels(
            reference.path,
            source.grid,
            layer=reference.layer,
            field=reference.field,
            group_field=settings.split_field if settings.split == "field" else "",
            unlabelled=reference.unlabelled,
            styles=reference.styles,
            progress=Portion(progress, 0.02, 0.15),
        )
        labels = drop_invalid(labels, source, bands, Portion(progress, 0.15, 0.25))
        job = ExportRun(source, bands, labels, settings, progress)
        job.say([f"{source.name}: {describe_range(bands)} used.", *band_notes, *labels.notes])
        job.warn(labels.warnings)
        if footprints:
            with staged_footprints(footprints) as outlines:
                info = job.run(output, outlines)
                move_into_place([outlines])
        else:
            info = job.run(output)
    progress.report(1.0, "")
    return ExportResult(
        output=str(info.folder),
        footprints=footprints,
        chips=len(info.chips),
        windows=info.windows.count if info.windows else 0,
        bands=len(info.bands),
        classes=tuple(item.name for item in info.classes),
        counts=info.counts,
        location_only=info.location_only,
        hash=info.hash,
        notes=tuple(job.notes),
        warnings=tuple(job.warnings),
    )
