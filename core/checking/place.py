"""How the reference lies on the image: grids, coordinate systems, overlap, features in vain."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.extents import Extent, transform_extent
from ..data.label_vector import TOUCHLESS
from ..data.labels import Labels
from ..data.vector_features import OUTSIDE
from ..data.vector_source import open_layer
from ..inspection.finding import NOTE, WARNING, Finding
from ..raster.gdal_session import gdal_session
from ..raster.grid import Grid, crs_title, grid_of, same_crs
from ..raster.opening import open_dataset, short_name
from ..report.html import percent

_SHIFT = 0.05  # of a pixel: less is rounding
_MUCH = 0.1  # share of the features that give nothing, from which it is a warning
_LITTLE = 0.5  # share of the reference inside the image below which it is a warning


def check_place(reference: str, layer: str, labels: Labels, grid: Grid) -> list[Finding]:
    """Look at where the reference lies.

    Args:
        reference: file of the labels.
        layer: in it; empty for a raster, or where there is one only.
        labels: as they were read.
        grid: of the image.

    Raises:
        RasterError, LabelError: the file cannot be opened any more.
    """
    told = [Finding(WARNING, "reference", text) for text in labels.warnings]
    if not labels.asides.features:
        return [*told, *_raster(reference, grid)]
    with gdal_session():
        source = open_layer(reference, layer)
        west, east, south, north = source.layer.GetExtent()
        wkt, name = source.crs_wkt, source.name
    extent: Extent = (west, south, east, north)
    return [*told, *_system(name, wkt, grid), *_overlap(name, extent, wkt, grid), *_vain(labels)]


def _raster(path: str, grid: Grid) -> list[Finding]:
    name = short_name(path)
    with gdal_session():
        dataset: Any = open_dataset(path, name)
        own = grid_of(dataset, name)
        del dataset
    if own.same_as(grid):
        return []
    if own.georeferenced != grid.georeferenced:
        found = (
            f"Only one of image and {name} has a georeference; they are laid pixel on pixel, "
            "because their sizes are equal."
        )
        advice = "Look whether the labels lie where they should, and georeference the other one."
        return [Finding(WARNING, "georeference", found, advice)]
    told = _system(name, own.crs_wkt, grid)
    if not own.crs_wkt or not grid.crs_wkt or same_crs(own.crs_wkt, grid.crs_wkt):
        told += _pixels(name, own, grid)
    return [*told, *_overlap(name, own.extent, own.crs_wkt, grid)]


def _system(name: str, wkt: str, grid: Grid) -> list[Finding]:
    if not wkt or not grid.crs_wkt or same_crs(wkt, grid.crs_wkt):
        return []  # where one has none, reading the labels has said so
    found = (
        f"{name} is in {crs_title(wkt)}, the image in {crs_title(grid.crs_wkt)}: it is reprojected."
    )
    advice = (
        "Look at some borders over the image: datums differ by metres at times. A raster of labels "
        "is better reprojected once, from its source, than by its nearest pixels."
    )
    return [Finding(NOTE, "coordinate system", found, advice)]


def _pixels(name: str, own: Grid, grid: Grid) -> list[Finding]:
    """Compare pixels in the same coordinate system."""
    sizes, wanted = np.array(own.pixel_size), np.array(grid.pixel_size)
    if not np.allclose(sizes, wanted, rtol=1e-3):
        ratio = float((sizes / wanted).max())
        found = (
            f"A pixel of {name} is {sizes[0]:.6g} x {sizes[1]:.6g}, one of the image "
            f"{wanted[0]:.6g} x {wanted[1]:.6g}."
        )
        advice = (
            "Each pixel of the image takes the label at its centre. "
            + ("Labels coarser than the image are wrong along borders: " if ratio > 1 else "")
            + "keep away from borders, or label on the image itself."
        )
        return [Finding(WARNING if ratio > 1 else NOTE, "grids", found, advice)]
    if not np.allclose(own.geotransform[1:3], grid.geotransform[1:3], rtol=1e-6):
        return []  # turned or mirrored: there is no one shift
    row, col = _offset(own, grid)
    shift = np.abs(np.array([col - round(col), row - round(row)]))
    if shift.max() < _SHIFT:
        return []
    found = (
        f"The pixels of {name} lie {shift[0]:.2f} of a pixel beside those of the image across, "
        f"and {shift[1]:.2f} along."
    )
    half = bool((np.abs(shift[shift >= _SHIFT] - 0.5) < _SHIFT).all())
    advice = (
        "Half a pixel mostly means that one of them counts from pixel centres and the other from "
        "corners: correct the origin of the wrong one (gdal_edit.py -a_ullr)."
        if half
        else "Resample the labels from their source onto the image's grid, or draw them on it."
    )
    return [Finding(WARNING, "grids", found, advice)]


def _offset(own: Grid, grid: Grid) -> tuple[float, float]:
    """Return where on the image's grid the upper left corner of another one lies."""
    x0, a, b, y0, d, e = grid.geotransform
    x, y = own.geotransform[0] - x0, own.geotransform[3] - y0
    return (a * y - d * x) / (a * e - b * d), (e * x - b * y) / (a * e - b * d)


def _overlap(name: str, extent: Extent, wkt: str, grid: Grid) -> list[Finding]:
    """Say how much of the reference's extent lies inside the image."""
    own = transform_extent(extent, wkt, grid.crs_wkt, name)
    if own is None:
        return []
    image = grid.extent
    sides = [max(min(own[k + 2], image[k + 2]) - max(own[k], image[k]), 0.0) for k in (0, 1)]
    lengths = [own[k + 2] - own[k] for k in (0, 1)]
    # Points in a row have an extent without an area.
    share = float(np.prod([s / n if n > 0 else 1.0 for s, n in zip(sides, lengths)]))
    pixel = min(grid.pixel_size)
    if all(inner > length - pixel for inner, length in zip(sides, lengths)):
        return []
    found = f"{percent(share)} of the extent of {name} lies inside the image."
    advice = "Labels beyond it are not used. If more should overlap, check both coordinate systems."
    return [Finding(WARNING if share < _LITTLE else NOTE, "overlap", found, advice)]


def _vain(labels: Labels) -> list[Finding]:
    """Features that give no label."""
    asides = labels.asides
    told = []
    outside, lost = asides.counts.get(OUTSIDE, 0), asides.counts.get(TOUCHLESS, 0)
    if outside:
        share = outside / max(asides.features, 1)
        found = f"{outside:,} of {asides.features:,} features lie outside the image."
        advice = "They are not used. If they should lie inside, check both coordinate systems."
        severity = WARNING if share >= _MUCH else NOTE
        told.append(Finding(severity, "overlap", found, advice))
    if lost:
        share = lost / max(asides.features, 1)
        found = (
            f"{lost:,} of {asides.features:,} polygons hold no pixel centre of their own: they are "
            "smaller than a pixel, or others lie over them."
        )
        advice = "They give no label. Use points for single pixels, or draw larger polygons."
        severity = WARNING if share >= _MUCH else NOTE
        told.append(Finding(severity, "small polygons", found, advice))
    return told
