"""Outlines of chips as a vector layer, to look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from osgeo import ogr

from ..progress import Progress
from ..raster.output_path import in_place
from ..raster.windows import Window
from .chip_format import IMAGES, ChipSetInfo
from .chip_plan import Cut
from .classes import ClassInfo
from .extents import outline
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
    columns = _columns(info)
    numbers = dict.fromkeys((*SPLIT_NAMES, *columns), ogr.OFTInteger)
    fields = {"chip": ogr.OFTString, "image": ogr.OFTString, **numbers}

    def rows() -> Iterator[tuple[Mapping[str, Any], Any]]:
        for item in _outlines(cut, info, labels, split):
            values: dict[str, Any] = {"chip": item.name, "image": item.image}
            values |= {name: sum(item.counts[name]) for name in SPLIT_NAMES}
            values |= {name: item.counts[part][at] for name, (part, at) in columns.items()}
            yield values, outline(info.grid.sub(item.box))

    write_outlines(staged, info.grid.crs_wkt, fields, rows(), progress=progress)


@contextmanager
def outlines_in_place(
    staged: tuple[Path, Path], write: Callable[[ChipSetInfo], None], info: ChipSetInfo
) -> Iterator[None]:
    """Write outlines and put them in their place; an error in the body puts the old ones back.

    Args:
        staged: temporary and final name.
        write: writes them under the temporary name.
        info: the chip set.

    Raises:
        InputError, RasterError: they cannot be written, or replaced.
    """
    write(info)
    with in_place([staged]):
        yield


def write_outlines(
    staged: tuple[Path, Path],
    crs_wkt: str,
    fields: Mapping[str, int],
    rows: Iterable[tuple[Mapping[str, Any], Any]],
    *,
    progress: Progress,
) -> None:
    """Write a layer of outlines.

    Args:
        staged: the name to write it under, and the final one.
        crs_wkt: of the layer; empty for none.
        fields: OGR's type by the name of the field.
        rows: values by the name of the field, and the ``ogr.Geometry``.
        progress: asked for cancelling.

    Raises:
        InputError: where it cannot be written.
    """

    def fill(layer: Any) -> int:
        """Make the fields and the features; return how many of these."""
        for field, kind in fields.items():
            layer.CreateField(ogr.FieldDefn(field, kind))
        made = 0
        for made, (values, geometry) in enumerate(rows, 1):
            if made % _CANCEL_EVERY == 1:
                progress.check_cancel()
            feature = ogr.Feature(layer.GetLayerDefn())
            for field, value in values.items():
                feature.SetField(field, value)
            feature.SetGeometry(geometry)
            layer.CreateFeature(feature)
        return made

    write_layer(staged, _PARAMETER, crs_wkt, ogr.wkbPolygon, fill)


def class_fields(classes: Sequence[ClassInfo], prefix: str) -> dict[str, int]:
    """Return a field's name for every class, with the class's place; none of many classes."""
    if len(classes) > _MOST_CLASSES:
        return {}
    found: dict[str, int] = {}
    for place, item in enumerate(classes):
        words = re.sub(r"\W+", "_", item.name.lower()).strip("_") or f"class_{item.code}"
        name = f"{prefix}_{words}"[:50]
        found[name if name not in found else f"{name}_{item.code}"] = place
    return found


def _columns(info: ChipSetInfo) -> dict[str, tuple[str, int]]:
    """Fields of split and class: name, what it counts."""
    return {
        name: (part, place)
        for part in SPLIT_NAMES[1:]
        for name, place in class_fields(info.classes, part).items()
    }


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
