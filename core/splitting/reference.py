"""The labels that are divided, and the grid that they lie on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..data.labels import Labels, read_labels
from ..data.valid_labels import drop_invalid
from ..data.vector_source import has_vector_layers, open_layer, opens_as_raster
from ..errors import InputError, LabelError
from ..progress import Portion, Progress
from ..raster.bands import usable_bands
from ..raster.gdal_session import gdal_session
from ..raster.grid import Grid, crs_title, crs_unit
from ..raster.source import RasterSource

_LONGEST = 200_000  # pixels, a side of a grid that is made for a layer


@dataclass(frozen=True)
class Reference:
    """Reference data as the user named it.

    Attributes:
        path: raster of class codes, or file with a layer of polygons or points.
        layer: of a file with several.
        field: of a layer: holds the classes.
        group_field: of a layer: holds words of splits, or names of groups; may be empty.
        unlabelled: value that means no label; 0 where None.
        styles: names and colours of classes.
        image: whose grid the split gets; empty: the reference's own.
        pixel_size: of the grid for a layer without an image, in units of its CRS.
    """

    path: str
    layer: str
    field: str
    group_field: str
    unlabelled: int | None
    styles: Sequence[Any]
    image: str
    pixel_size: float | None

    def check(self) -> None:
        """Refuse what does not go together, before anything is read.

        Raises:
            InputError: a layer without a grid to lay it on, a raster with a field, or a pixel size
                that is none.
        """
        vector = self.is_vector
        if self.group_field and not vector:
            raise InputError(
                "SPLIT is 'field', but REFERENCE is a raster, which has no fields. Choose the "
                "layer, or give the split as a raster (SPLIT 'raster')."
            )
        if self.image:
            return
        if self.pixel_size is not None and not (0 < self.pixel_size < math.inf):
            raise InputError(f"PIXEL_SIZE is {self.pixel_size:g}; it must be above 0.")
        if vector and self.pixel_size is None:
            raise InputError(
                "REFERENCE is a vector layer, which has no pixels. Choose the image that you will "
                "train on as INPUT (best, because the split then fits it), or give PIXEL_SIZE."
            )

    @property
    def is_vector(self) -> bool:
        """Whether it is a layer of features."""
        if self.layer or self.field:
            return True
        with gdal_session():
            return has_vector_layers(self.path) and not opens_as_raster(self.path)


@dataclass(frozen=True, eq=False)
class Laid:
    """Labels on a grid.

    Attributes:
        labels: the labelled pixels.
        grid: where they lie.
        notes: what was done to bring them there.
    """

    labels: Labels
    grid: Grid
    notes: tuple[str, ...]


def lay_out(reference: Reference, progress: Progress) -> Laid:
    """Read the labels onto the image's grid, or onto their own.

    On an image, labels of pixels without values are left out.

    Raises:
        InputError: the pixel size makes a grid that cannot be.
        LabelError: no pixel gets a label, and why.
        RasterError: image or reference cannot be read.
    """
    if reference.image:
        return _on_image(reference, progress)
    if reference.is_vector:
        grid = _grid_of_layer(reference)
        labels = _labels(reference, grid, progress)
        return Laid(labels, grid, (f"Grid: {grid.describe()}.", *labels.notes))
    with RasterSource(reference.path) as source:
        grid = source.grid
    labels = _labels(reference, grid, progress)
    return Laid(labels, grid, labels.notes)


def _on_image(reference: Reference, progress: Progress) -> Laid:
    with RasterSource(reference.image) as source:
        bands, notes = usable_bands(source, progress=Portion(progress, 0.0, 0.1))
        labels = _labels(reference, source.grid, Portion(progress, 0.1, 0.7))
        labels = drop_invalid(labels, source, bands, Portion(progress, 0.7, 1.0))
        return Laid(labels, source.grid, (*notes, *labels.notes))


def _labels(reference: Reference, grid: Grid, progress: Progress) -> Labels:
    return read_labels(
        reference.path,
        grid,
        layer=reference.layer,
        field=reference.field,
        group_field=reference.group_field,
        unlabelled=reference.unlabelled,
        styles=reference.styles,
        progress=progress,
    )


def _grid_of_layer(reference: Reference) -> Grid:
    """Return the grid of whole pixels that a layer lies on, in its own CRS."""
    size = reference.pixel_size or 1.0
    with gdal_session():
        source = open_layer(reference.path, reference.layer)
        try:
            west, east, south, north = source.layer.GetExtent()
        except RuntimeError:
            west = east = south = north = math.nan
        wkt, name = source.crs_wkt, source.name
    if not all(map(math.isfinite, (west, east, south, north))):
        raise LabelError(f"{name} has no features with a place. Choose another layer.")
    left, top = math.floor(west / size) * size, math.ceil(north / size) * size
    width = math.floor((east - left) / size) + 1
    height = math.floor((top - south) / size) + 1
    if max(width, height) > _LONGEST:
        raise InputError(
            f"PIXEL_SIZE {size:g} makes {width:,} x {height:,} pixels of {name}; expected at most "
            f"{_LONGEST:,} a side. Its CRS is {crs_title(wkt)}: give the size in {crs_unit(wkt)}, "
            "or choose an image as INPUT."
        )
    return Grid(wkt, (left, size, 0.0, top, 0.0, -size), height, width)
