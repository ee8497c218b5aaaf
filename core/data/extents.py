"""Extents in another CRS, and in words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from osgeo import ogr, osr

from ..errors import LabelError
from ..raster.gdal_session import gdal_session
from ..raster.grid import Grid, crs_title, same_crs

Extent = tuple[float, float, float, float]

_EDGE_POINTS = 21  # edges of an extent are curves in another CRS


def spatial_reference(wkt: str) -> Any:
    """Return an ``osr.SpatialReference`` with x before y, whatever the CRS says."""
    reference = osr.SpatialReference(wkt)
    reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return reference


def transformation(source_wkt: str, target_wkt: str, name: str) -> Any | None:
    """Return an ``osr.CoordinateTransformation``, or None where there is nothing to do.

    Args:
        source_wkt: CRS of what is to be transformed.
        target_wkt: CRS wanted.
        name: of what is to be transformed, for messages.

    Raises:
        LabelError: GDAL knows no way between the two, such as for a local grid.
    """
    if not source_wkt or not target_wkt or same_crs(source_wkt, target_wkt):
        return None
    try:
        return osr.CoordinateTransformation(
            spatial_reference(source_wkt), spatial_reference(target_wkt)
        )
    except RuntimeError as error:
        raise LabelError(
            f"The CRS of {name} is {crs_title(source_wkt)}, which cannot be transformed to "
            f"{crs_title(target_wkt)}: GDAL knows no way between the two. If its coordinates are "
            "in another CRS, assign that one (in QGIS: Assign projection); if they are those of a "
            "local grid, georeference it."
        ) from error


def transform_extent(extent: Extent, source_wkt: str, target_wkt: str, name: str) -> Extent | None:
    """Return an extent in another CRS; None where nothing of it can be transformed.

    Args, errors: as ``transformation``.
    """
    with gdal_session():
        change = transformation(source_wkt, target_wkt, name)
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


def outline(grid: Grid, inset: float = 0.0) -> Any:
    """Return the outline of a grid, turned or not, as an ``ogr.Geometry`` in its CRS.

    Args:
        grid: the grid.
        inset: pixels that the outline lies inside of the outer edges.
    """
    ends = inset - 0.5
    bottom, right = grid.height - 0.5 - inset, grid.width - 0.5 - inset
    x, y = grid.xy([ends, ends, bottom, bottom, ends], [ends, right, right, ends, ends])
    ring = ogr.Geometry(ogr.wkbLinearRing)
    for across, up in zip(x.tolist(), y.tolist()):
        ring.AddPoint_2D(across, up)
    polygon = ogr.Geometry(ogr.wkbPolygon)
    polygon.AddGeometry(ring)
    return polygon


def extent_text(extent: Extent, wkt: str) -> str:
    """Return an extent in words, with its CRS."""
    digits = 2 if max(abs(number) for number in extent) > 1000 else 5
    west, south, east, north = (f"{number:.{digits}f}" for number in extent)
    return f"x {west} to {east}, y {south} to {north} ({crs_title(wkt)})"


def assumed_crs_text(name: str, wkt: str) -> str:
    """Say that of reference data and image only one has a CRS.

    Args:
        name: of the reference data.
        wkt: its CRS, empty where the image is the one that has one.
    """
    which = "The image" if wkt else name
    return (
        f"{which} has no CRS and is taken to have the other's. If the labels do not lie where they "
        "should, assign the right one (in QGIS: Assign projection)."
    )


def no_overlap_text(name: str, extent: Extent | None, wkt: str, grid: Grid) -> str:
    """Say that reference data lies elsewhere; both extents in the image's CRS."""
    image = extent_text(grid.extent, grid.crs_wkt)
    if extent is None:
        own = f"somewhere outside of what {crs_title(grid.crs_wkt)} covers"
    else:
        own = extent_text(extent, grid.crs_wkt)
    if wkt:
        advice = f"The CRS of {name} is {crs_title(wkt)}; if that is wrong, assign the right one,"
    else:
        advice = f"{name} has no CRS and was taken to have the image's: assign the right one,"
    return (
        f"{name} has no label inside the image: its data covers {own}, the image covers {image}. "
        f"{advice} else choose reference data of this area."
    )
