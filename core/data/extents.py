"""Extents in another CRS, and in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from osgeo import osr

from ..raster.gdal_session import gdal_session
from ..raster.grid import Grid, crs_title, same_crs

Extent = tuple[float, float, float, float]

_EDGE_POINTS = 21  # edges of an extent are curves in another CRS


def spatial_reference(wkt: str) -> Any:
    """Return an ``osr.SpatialReference`` with x before y, whatever the CRS says."""
    reference = osr.SpatialReference(wkt)
    reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return reference


def transformation(source_wkt: str, target_wkt: str) -> Any | None:
    """Return an ``osr.CoordinateTransformation``, or None where there is nothing to do."""
    if not source_wkt or not target_wkt or same_crs(source_wkt, target_wkt):
        return None
    return osr.CoordinateTransformation(
        spatial_reference(source_wkt), spatial_reference(target_wkt)
    )


def transform_extent(extent: Extent, source_wkt: str, target_wkt: str) -> Extent | None:
    """Return an extent in another CRS; None where nothing of it can be transformed."""
    with gdal_session():
        change = transformation(source_wkt, target_wkt)
        if change is None:
            return extent
        x = np.linspace(extent[0], extent[2], _EDGE_POINTS)
        y = np.linspace(extent[1], extent[3], _EDGE_POINTS)
        points = [
            point
            for a, b in zip(x.tolist(), y.tolist())
            for point in ((a, extent[1]), (a, extent[3]), (extent[0], b), (extent[2], b))
        ]
        found = transformed_points(change, points)
    known = [(a, b) for a, b in found if math.isfinite(a) and math.isfinite(b)]
    if not known:
        return None
    across, up = zip(*known)
    return min(across), min(up), max(across), max(up)


def transformed_points(change: Any, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Transform points; those that have no place in the other CRS become infinite."""
    try:
        return [(p[0], p[1]) for p in change.TransformPoints(points)]
    except RuntimeError:
        # With exceptions on, GDAL stops at the first one: go on one by one.
        return [_one(change, point) for point in points]


def _one(change: Any, point: tuple[float, float]) -> tuple[float, float]:
    try:
        found = change.TransformPoint(*point)
    except RuntimeError:
        return math.inf, math.inf
    return found[0], found[1]


def overlaps(extent: Extent, other: Extent) -> bool:
    """Tell whether two extents share more than an edge, or a point lies in the other."""
    return (
        extent[0] < other[2]
        and other[0] < extent[2]
        and extent[1] < other[3]
        and other[1] < extent[3]
    ) or (
        other[0] <= extent[0] <= extent[2] <= other[2]
        and other[1] <= extent[1] <= extent[3] <= other[3]
    )


def extent_text(extent: Extent, wkt: str) -> str:
    """Return an extent in words, with its CRS."""
    digits = 2 if max(abs(number) for number in extent) > 1000 else 5
    west, south, east, north = (f"{number:.{digits}f}" for number in extent)
    return f"x {west} to {east}, y {south} to {north} ({crs_title(wkt)})"


def no_overlap_text(name: str, extent: Extent | None, wkt: str, grid: Grid) -> str:
    """Say that reference data lies elsewhere; both extents in the image's CRS."""
    image = extent_text(grid.extent, grid.crs_wkt)
    if extent is None:
        own = f"somewhere outside of what {crs_title(grid.crs_wkt)} covers"
    else:
        own = extent_text(extent, grid.crs_wkt)
    return (
        f"{name} has no label inside the image: its data covers {own}, the image covers {image}. "
        f"The CRS of {name} is {crs_title(wkt)}; if that is wrong, assign the right one, else "
        "choose reference data of this area."
    )
