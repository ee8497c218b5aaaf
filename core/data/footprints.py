"""Outlines of chips as a vector layer, to look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from osgeo import ogr

from ..progress import Progress
from ..raster.windows import Window
from .chip_format import IMAGES, ChipSetInfo
from .chip_plan import Cut
from .labels import Labels
from .separation import SPLIT_NAMES
from .splits import Split
from .vector_output import check_vector_output, staged_layer, write_layer
from .windows.files import FILES

_PARAMETER = "FOOTPRINTS"
_CANCEL_EVERY = 256  # outlines
_MOST_CLASSES = 60  # with a field for each split; more would be no table to look at

Counts = Mapping[str, list[int]]


def check_footprints(path: str) -> Path:
    """Refuse a name that footprints cannot be written to, before a long run.

    Raises:
        InputError: as ``check_vector_output``.
    """
    return check_vector_output(path, _PARAMETER)


def staged_footprints(path: str) -> AbstractContextManager[tuple[Path, Path]]:
    """Make room for footprints beside their place, see ``staged_layer``."""
    return staged_layer(path, _PARAMETER)


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
    outlines = _outlines(cut, info, labels, split)

    def fill(layer: Any) -> int:
        return _fill(layer, info, outlines, progress)

    write_layer(staged, _PARAMETER, info.grid.crs_wkt, ogr.wkbPolygon, fill)


def _fill(layer: Any, info: ChipSetInfo, outlines: Iterable[_Outline], progress: Progress) -> int:
    """Make the fields and the features; return how many of these."""
    layer.CreateField(ogr.FieldDefn("chip", ogr.OFTString))
    layer.CreateField(ogr.FieldDefn("image", ogr.OFTString))
    columns = _columns(info)
    for name in (*SPLIT_NAMES, *columns):
        layer.CreateField(ogr.FieldDefn(name, ogr.OFTInteger))
    made = 0
    for made, outline in enumerate(outlines, 1):
        if made % _CANCEL_EVERY == 1:
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
    return made


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
