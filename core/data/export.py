"""The job that exports training chips: from an image and its reference to a chip set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..progress import Portion, Progress, SilentProgress
from ..raster.bands import describe_range, usable_bands
from ..raster.source import RasterSource
from .chips import check_folder
from .export_run import ExportRun
from .export_settings import ExportSettings
from .footprints import check_footprints, staged_footprints
from .labels import read_labels
from .mask import read_mask
from .tiles.run import TileRun
from .tiles.settings import named_classes
from .valid_labels import drop_invalid

__all__ = ["ExportResult", "ExportSettings", "export_training_chips"]


@dataclass(frozen=True)
class ExportResult:
    """What an export gave.

    Attributes:
        output: folder of the chip set.
        footprints: file of the outlines, empty where none were asked for.
        chips: how many, tiles and scenes included.
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
    kind: str = ExportSettings.kind,
    tile_size: int = ExportSettings.tile_size,
    stride: int = ExportSettings.stride,
    places: str = ExportSettings.places,
    min_labelled: float = ExportSettings.min_labelled,
    min_overlap: float = ExportSettings.min_overlap,
    scene_label: str = ExportSettings.scene_label,
    rotation: float = ExportSettings.rotation,
    jitter: int = ExportSettings.jitter,
    balance: bool = ExportSettings.balance,
    point_buffer: int = ExportSettings.point_buffer,
    layout: str = ExportSettings.layout,
    stretch: str = ExportSettings.stretch,
    image_bands: str = ExportSettings.image_bands,
    class_names: str = ExportSettings.class_names,
    mask: str = "",
    mask_layer: str = "",
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
        file_format: ``geotiff``, ``hdf5``, ``csv``, ``libsvm``, ``png`` or ``jpeg``.
        kind: ``pixels``, ``tiles`` or ``scenes``.
        tile_size: of tiles and scenes, in pixels; see ``TileSettings``, as for all that follow.
        stride: pixels from one to the next; 0 is the size.
        places: ``grid`` or ``objects``.
        min_labelled: 0..1.
        min_overlap: 0..1.
        scene_label: ``majority`` or ``centre``.
        rotation: degrees.
        jitter: in pixels.
        balance: as much of every class to train on.
        point_buffer: in pixels.
        layout: ``hsicnn``, ``esri``, ``imagenet`` or ``torchgeo``.
        stretch: ``2-98``, ``1-99`` or ``min-max``.
        image_bands: of PNG and JPEG.
        class_names: such as ``1=wheat; 2=bare soil``.
        mask: file with polygons that samples are taken from; empty for anywhere.
        mask_layer: of a file with several.
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
        kind=kind,
        tile_size=tile_size,
        stride=stride,
        places=places,
        min_labelled=min_labelled,
        min_overlap=min_overlap,
        scene_label=scene_label,
        rotation=rotation,
        jitter=jitter,
        balance=balance,
        point_buffer=point_buffer,
        layout=layout,
        stretch=stretch,
        image_bands=image_bands,
        class_names=class_names,
    )
    names = [{"value": value, "name": name} for value, name in named_classes(class_names).items()]
    labelled = _Reference(reference, layer, field, unlabelled, (*names, *styles), mask, mask_layer)
    return _export(image, labelled, settings, output, footprints=footprints, progress=progress)


@dataclass(frozen=True)
class _Reference:
    """Reference data as the user named it."""

    path: str
    layer: str
    field: str
    unlabelled: int | None
    styles: tuple[Any, ...]
    mask: str
    mask_layer: str


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
            point_buffer=settings.point_buffer,
            named=tuple(named_classes(settings.class_names)),
            progress=Portion(progress, 0.02, 0.15),
        )
        mask = None
        if reference.mask:
            mask = read_mask(reference.mask, reference.mask_layer, source.grid, progress)
            labels = mask.keep(labels, progress)
        labels = drop_invalid(labels, source, bands, Portion(progress, 0.15, 0.25))
        run = ExportRun if settings.kind == "pixels" else TileRun
        job = run(source, bands, labels, settings, progress, mask=mask)
        job.say([f"{source.name}: {describe_range(bands)} used.", *band_notes, *labels.notes])
        job.warn(labels.warnings)
        if footprints:
            with staged_footprints(footprints) as outlines:
                info = job.run(output, outlines)
        else:
            info = job.run(output)
    progress.report(1.0, "")
    return ExportResult(
        output=str(info.folder),
        footprints=footprints,
        chips=len(info.tiles.tiles) if info.tiles else len(info.chips),
        windows=info.windows.count if info.windows else 0,
        bands=len(info.bands),
        classes=tuple(item.name for item in info.classes),
        counts=info.counts,
        location_only=info.location_only,
        hash=info.hash,
        notes=tuple(job.notes),
        warnings=tuple(job.warnings),
    )
