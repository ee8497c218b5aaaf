"""Labels: the labelled pixels of a raster, sparse, from reference data of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import InputError, LabelError
from ..progress import Progress
from ..raster.gdal_session import gdal_session
from ..raster.grid import Grid
from ..raster.opening import short_name
from .classes import ClassInfo, ClassStyle, StyleRecord, make_classes, parse_styles
from .label_pixels import Asides, LabelPixels
from .label_raster import read_raster_labels
from .label_styles import distinct, merged
from .label_vector import read_vector_labels
from .vector_source import has_vector_layers, opens_as_raster

_SHOWN = 12  # classes named in a message


@dataclass(frozen=True, eq=False)
class Labels:
    """Labelled pixels on a grid, in row-major order, each pixel once.

    Attributes:
        rows: ``(n,)`` int32.
        cols: ``(n,)`` int32.
        values: ``(n,)`` uint16, 1..k: position in ``classes`` plus one.
        classes: the classes that have a pixel.
        groups: ``(n,)`` int32, the polygon or point (1, 2, ... in the layer's order) that
            gave the label, 0 for labels of a raster.
        notes: what the user should know: what was dropped, resampled, reprojected.
        group_names: where a field said which pixels belong together, its values: group
            ``g`` is ``group_names[g - 1]``.
        warnings: what the user should look at, such as features that are unusable.
        asides: what reading left aside: features and pixels, in numbers.
    """

    rows: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    values: npt.NDArray[np.uint16]
    classes: tuple[ClassInfo, ...]
    groups: npt.NDArray[np.int32]
    notes: tuple[str, ...] = ()
    group_names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    asides: Asides = field(default_factory=Asides)

    def __len__(self) -> int:
        return len(self.values)

    def counts(self) -> list[int]:
        """Return the labelled pixels of each class."""
        found = np.bincount(self.values, minlength=len(self.classes) + 1)
        return [int(count) for count in found[1:]]

    def keep(self, mask: npt.NDArray[np.bool_], *notes: str) -> Labels:
        """Return the labels where ``mask`` is true; classes left without a pixel go."""
        values = self.values[mask]
        present = np.flatnonzero(np.bincount(values, minlength=len(self.classes) + 1))
        renumbered = np.zeros(len(self.classes) + 1, dtype=np.uint16)
        renumbered[present] = np.arange(1, len(present) + 1)
        return Labels(
            self.rows[mask],
            self.cols[mask],
            renumbered[values],
            tuple(self.classes[value - 1] for value in present),
            self.groups[mask],
            (*self.notes, *notes),
            self.group_names,
            self.warnings,
            self.asides,
        )


def read_labels(
    reference: str | Path,
    grid: Grid,
    *,
    layer: str = "",
    field: str = "",
    group_field: str = "",
    unlabelled: int | None = None,
    styles: Sequence[StyleRecord] = (),
    point_buffer: int = 0,
    named: Sequence[str] = (),
    progress: Progress,
) -> Labels:
    """Read reference data onto an image's grid.

    Args:
        reference: a raster of class codes, or a file with a layer of polygons (a pixel
            belongs to the one its centre lies in) or points; other grids are resampled,
            other CRS reprojected, and the notes say so. A pixel that two classes claim is
            left out.
        grid: of the image.
        layer: of a file with several.
        field: with the classes: text, or whole numbers. Only for layers.
        group_field: with the group of each feature; the feature itself where empty.
        unlabelled: value that means no label, 0 where None; a raster's nodata does so too.
        styles: names and colours, as ``classes.parse_styles`` takes them. What they do not
            say is taken from the data's own style or colour table, then from a palette.
        point_buffer: pixels around a point that get its label too: a disc.
        named: values that the user has named as CLASS_NAMES; each must be a class.
        progress: told how far it is; asked for cancelling.

    Raises:
        InputError: CLASS_NAMES names what is no class.
        LabelError: where no pixel gets a label, and why.
        RasterError: where the file cannot be opened.
    """
    path = str(reference)
    with gdal_session():
        # A file can be both (GeoPackage): a layer or a field is only asked of vectors.
        vector = has_vector_layers(path) and (bool(layer or field) or not opens_as_raster(path))
    if vector or ((layer or field) and not _raster(path)):
        found = read_vector_labels(
            path,
            grid,
            layer=layer,
            class_field=field,
            group_field=group_field,
            unlabelled=unlabelled,
            point_buffer=point_buffer,
            progress=progress,
        )
    elif point_buffer:
        raise LabelError(
            "POINT_BUFFER draws discs around points; the reference is a raster. Set it to 0, or "
            "choose a layer of points."
        )
    else:
        found = read_raster_labels(path, grid, unlabelled=unlabelled, progress=progress)
    _check_named(named, found, path)
    return _finished(found, parse_styles(styles))


def _check_named(named: Sequence[str], found: LabelPixels, path: str) -> None:
    """Refuse names for what is no class: a slip of the pen would be passed over in silence."""
    others = [value for value in named if value not in found.keys]
    if not others:
        return
    known = list(found.keys)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    raise InputError(
        f"CLASS_NAMES names {', '.join(others[:_SHOWN])}, which is no class of "
        f"{short_name(path)}; its classes are {', '.join(known[:_SHOWN])}{more}. Write their "
        "values, such as '1=wheat; 2=bare soil'."
    )


def _raster(path: str) -> bool:
    with gdal_session():
        return opens_as_raster(path)


def _finished(found: LabelPixels, styles: Sequence[ClassStyle]) -> Labels:
    """Put labels in row-major order, drop classes without a pixel, name and colour the rest."""
    counts = np.bincount(found.members, minlength=len(found.codes))
    present = np.flatnonzero(counts)
    keys = [found.keys[place] for place in present]
    classes = make_classes(
        [found.codes[place] for place in present],
        [found.names[place] for place in present],
        merged(tuple(styles), distinct(tuple(found.styles), keys)),
        values=keys,
    )
    position = np.zeros(len(found.codes), dtype=np.uint16)
    position[present] = np.arange(1, len(present) + 1)
    order = np.lexsort((found.cols, found.rows))
    gone = [found.names[place] or found.keys[place] for place in np.flatnonzero(counts == 0)]
    note = [f"Classes without a pixel in the image: {', '.join(gone)}."] if gone else []
    return Labels(
        found.rows[order],
        found.cols[order],
        position[found.members[order]],
        classes,
        found.groups[order],
        (*found.notes, *note),
        tuple(found.group_names),
        tuple(found.warnings),
        found.asides,
    )
