"""Outlines of chips as a vector layer, to look at."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from osgeo import gdal, ogr

from ..disk import room_left, write_refusal
from ..errors import InputError
from ..progress import Progress
from ..raster.gdal_session import gdal_session
from ..raster.windows import Window
from .chip_format import IMAGES, ChipSetInfo
from .chip_plan import Cut
from .extents import spatial_reference
from .labels import Labels
from .separation import SPLIT_NAMES
from .splits import Split
from .windows.files import FILES

_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".fgb": "FlatGeobuf"}
_CANCEL_EVERY = 256  # outlines
_MOST_CLASSES = 60  # with a field for each split; more would be no table to look at

Counts = Mapping[str, list[int]]


def check_footprints(path: str) -> Path:
    """Refuse a name that footprints cannot be written to, before a long run.

    Raises:
        InputError: for an unknown ending, a folder that is missing or cannot be written to, or
            a folder in its place.
    """
    target = Path(path).absolute()
    if target.suffix.lower() not in _DRIVERS:
        raise InputError(
            f"FOOTPRINTS is {target.name}; write them as {', '.join(_DRIVERS)} (a GeoPackage, "
            "best of all)."
        )
    if not target.parent.is_dir():
        raise InputError(f"FOOTPRINTS: there is no folder {target.parent}. Create it first.")
    if target.is_dir():
        raise InputError(f"FOOTPRINTS is {target}, a folder; give the name of a file.")
    refusal = write_refusal(target)
    if refusal:
        raise InputError(
            f"FOOTPRINTS cannot be written to {target.parent}: {refusal}. Choose a folder that you "
            "may write to, on a disk with room."
        )
    return target


@contextmanager
def staged_footprints(path: str) -> Iterator[tuple[Path, Path]]:
    """Make room for footprints beside their place; what is not renamed is removed at the end.

    Yields:
        The temporary name and the final one, for ``move_into_place``.

    Raises:
        InputError: as ``check_footprints``.
    """
    target = check_footprints(path)
    token = f"{secrets.token_hex(4)}.partial"
    temporary = target.with_name(f".{target.stem}.{token}{target.suffix}")
    try:
        yield temporary, target
    finally:
        with suppress(OSError):
            # SQLite may leave a journal beside a file that it could not finish.
            for left in [p for p in target.parent.iterdir() if p.name.startswith(temporary.name)]:
                left.unlink(missing_ok=True)


def write_footprints(
    staged: tuple[Path, Path],
    cut: Cut,
    info: ChipSetInfo,
    *,
    labels: Labels,
    split: Split,
    progress: Progress,
) -> None:
    """Write the outlines of chips and windows with their files and pixels by split and class.

    Args:
        staged: the name to write it under, and the final one.
        cut: where the image was cut.
        info: the chip set.
        labels: its labelled pixels.
        split: what they are used for.
        progress: asked for cancelling.

    Raises:
        InputError: where it cannot be written.
    """
    path, target = staged
    try:
        with gdal_session():
            outlines = _outlines(cut, info, labels, split)
            _write(path, target.stem, info, outlines, progress)
            _check_written(path, len(info.chips) + cut.window_count)
    except RuntimeError as error:
        raise InputError(
            f"FOOTPRINTS cannot be written to {target}: {error}. Its disk has "
            f"{room_left(path)}: free some, or choose another folder. Nothing was changed."
        ) from error


def _check_written(path: Path, chips: int) -> None:
    """Open the closed file and see that every outline is in it: a full disk shows here."""
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)  # a layer does not keep it alive
    found = dataset.GetLayer(0).GetFeatureCount()
    if found != chips:
        raise RuntimeError(f"{found} of {chips} outlines were written")


def _write(
    path: Path, layer_name: str, info: ChipSetInfo, outlines: Iterable[_Outline], progress: Progress
) -> None:
    """Write the layer; the dataset is closed when this returns."""
    driver = gdal.GetDriverByName(_DRIVERS[path.suffix.lower()])
    dataset = driver.Create(str(path), 0, 0, 0, gdal.GDT_Unknown)
    wkt = info.grid.crs_wkt
    layer = dataset.CreateLayer(layer_name, spatial_reference(wkt) if wkt else None, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("chip", ogr.OFTString))
    layer.CreateField(ogr.FieldDefn("image", ogr.OFTString))
    columns = _columns(info)
    for name in (*SPLIT_NAMES, *columns):
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTInteger))
    layer.StartTransaction()
    for number, outline in enumerate(outlines):
        if number % _CANCEL_EVERY == 0:
            progress.check_cancel()
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("chip", outline.name)
        feature.SetField("image", outline.image)
        for split_name in SPLIT_NAMES:
            feature.SetField(split_name, sum(outline.counts[split_name]))
        for name, (split_name, place) in columns.items():
            feature.SetField(name, outline.counts[split_name][place])
        feature.SetGeometry(_polygon(info, outline.box))
        layer.CreateFeature(feature)
    layer.CommitTransaction()
    dataset.FlushCache()


def _columns(info: ChipSetInfo) -> dict[str, tuple[str, int]]:
    """Fields of split and class: name, what it counts."""
    if len(info.classes) > _MOST_CLASSES:
        return {}
    columns: dict[str, tuple[str, int]] = {}
    for split_name in SPLIT_NAMES[1:]:
        for place, item in enumerate(info.classes):
            words = re.sub(r"\W+", "_", item.name.lower()).strip("_") or f"class_{item.code}"
            name = f"{split_name}_{words}"[:50]
            columns[name if name not in columns else f"{name}_{item.code}"] = (split_name, place)
    return columns


class _Outline(NamedTuple):
    """A feature: its name and image file, labelled box, and pixels of each class by split."""

    name: str
    image: str
    box: Window
    counts: Counts


def _outlines(cut: Cut, info: ChipSetInfo, labels: Labels, split: Split) -> Iterator[_Outline]:
    """Yield the chips, then the windows, as they lie in the files."""
    classes = len(info.classes)
    flat = split.codes.astype(np.int64) * classes + labels.values.astype(np.int64) - 1

    def counts(members: npt.NDArray[np.int64]) -> Counts:
        table = np.bincount(flat[members], minlength=len(SPLIT_NAMES) * classes)
        return dict(zip(SPLIT_NAMES, table.reshape(len(SPLIT_NAMES), classes).tolist()))

    for chip, planned in zip(info.chips, cut.chips):
        yield _Outline(chip.name, str(info.path(IMAGES, chip)), chip.box, counts(planned.members))
    if info.windows is None:
        return
    image, number = str(info.folder / FILES[info.windows.storage]), 0
    for planned in cut.windows:
        for member in planned.members:
            box = Window(int(labels.rows[member]), int(labels.cols[member]), 1, 1)
            yield _Outline(f"window {number}", image, box, counts(member[None]))
            number += 1


def _polygon(info: ChipSetInfo, box: Window) -> Any:
    """The outline of a box as a polygon in the source's CRS."""
    rows = np.array([box.row, box.row, box.row + box.height, box.row + box.height, box.row])
    cols = np.array([box.col, box.col + box.width, box.col + box.width, box.col, box.col])
    x, y = info.grid.xy(rows - 0.5, cols - 0.5)
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for across, up in zip(x.tolist(), y.tolist()):
        ring.AddPoint_2D(across, up)
    polygon = ogr.Geometry(ogr.wkbPolygon)
    polygon.AddGeometry(ring)
    return polygon
