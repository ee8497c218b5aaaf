"""Polygons to pixels: a pixel belongs to a polygon that its centre lies in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import gdal, ogr

from ..progress import Progress
from ..raster.grid import Grid
from ..raster.windows import Window, clip
from .extents import spatial_reference

IntArray = npt.NDArray[np.int32]

_TILE = 1024


@dataclass(frozen=True, eq=False)
class Polygon:
    """A polygon on the image.

    Attributes:
        geometry: ``ogr.Geometry`` in the image's CRS.
        member: position of its class.
        group: its number, 1 or larger.
        window: pixels that it can touch, inside the image.
    """

    geometry: Any
    member: int
    group: int
    window: Window


@dataclass(frozen=True, eq=False)
class Burnt:
    """Pixels of polygons; one that two classes claim is there twice.

    Attributes:
        rows: ``(n,)``.
        cols: ``(n,)``.
        members: ``(n,)`` position of the class.
        groups: ``(n,)`` number of the polygon; of the last one where several of one class
            overlap.
    """

    rows: IntArray
    cols: IntArray
    members: IntArray
    groups: IntArray


def window_of(geometry: Any, grid: Grid) -> Window:
    """Return the pixels of the image that a geometry's envelope touches; size 0 for none."""
    west, east, south, north = geometry.GetEnvelope()
    rows, cols = grid.rowcol([west, west, east, east], [south, north, south, north])
    top, left = int(rows.min()), int(cols.min())
    whole = Window(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)
    return clip(whole, grid.height, grid.width)


def burn(polygons: Sequence[Polygon], grid: Grid, progress: Progress) -> Burnt:
    """Return the pixels of polygons, tile by tile (call inside ``gdal_session``).

    Args:
        polygons: in the order of the layer.
        grid: of the image.
        progress: told how far it is; asked for cancelling.
    """
    by_tile: dict[tuple[int, int], list[Polygon]] = defaultdict(list)
    for polygon in polygons:
        window = polygon.window
        for row in range(window.row // _TILE, (window.row + window.height - 1) // _TILE + 1):
            for col in range(window.col // _TILE, (window.col + window.width - 1) // _TILE + 1):
                by_tile[row, col].append(polygon)
    found = [np.zeros((4, 0), dtype=np.int32)]
    for number, (place, own) in enumerate(sorted(by_tile.items(), key=lambda item: item[0]), 1):
        progress.check_cancel()
        tile = clip(
            Window(place[0] * _TILE, place[1] * _TILE, _TILE, _TILE), grid.height, grid.width
        )
        found.append(_burn_tile(own, _needed(own, tile), grid))
        progress.report(number / len(by_tile), "")
    return Burnt(*np.concatenate(found, axis=1))


def _needed(polygons: Sequence[Polygon], tile: Window) -> Window:
    """The part of a tile that the polygons reach: small ones should not cost a whole tile."""
    top = max(min(p.window.row for p in polygons), tile.row)
    left = max(min(p.window.col for p in polygons), tile.col)
    bottom = min(max(p.window.row + p.window.height for p in polygons), tile.row + tile.height)
    right = min(max(p.window.col + p.window.width for p in polygons), tile.col + tile.width)
    return Window(top, left, bottom - top, right - left)


def _burn_tile(polygons: Sequence[Polygon], window: Window, grid: Grid) -> IntArray:
    """Return rows, columns, members and groups of a tile's pixels, ``(4, n)``.

    The polygons are burnt twice, later classes over earlier ones and the other way round:
    where both agree on the class there is only one.
    """
    ordered = sorted(polygons, key=lambda polygon: polygon.member)
    # Within a class the layer's order stays, so that both burn its last polygon.
    backwards = sorted(polygons, key=lambda polygon: -polygon.member)
    place = grid.sub(window)
    upper, lower = burnt_numbers(ordered, place), burnt_numbers(backwards, place)
    down, right = np.nonzero(upper)
    over, under = upper[down, right] - 1, lower[down, right] - 1
    columns = [
        np.stack([
            down + window.row,
            right + window.col,
            np.array([polygon.member for polygon in order])[numbers],
            np.array([polygon.group for polygon in order])[numbers],
        ])
        for order, numbers in ((ordered, over), (backwards, under))
    ]  # fmt: skip
    disputed = columns[0][2] != columns[1][2]
    columns[1] = columns[1][:, disputed]
    return np.asarray(np.concatenate(columns, axis=1), dtype=np.int32)


def burnt_numbers(polygons: Sequence[Polygon], place: Grid) -> IntArray:
    """Burn polygons in their order: position plus one of the last one on each pixel."""
    reference = spatial_reference(place.crs_wkt) if place.crs_wkt else None
    memory = _memory_dataset()
    layer = memory.CreateLayer("polygons", reference, ogr.wkbUnknown)
    layer.CreateField(ogr.FieldDefn("number", ogr.OFTInteger))
    definition = layer.GetLayerDefn()
    for number, polygon in enumerate(polygons, 1):
        feature = ogr.Feature(definition)
        feature.SetField(0, number)
        feature.SetGeometry(polygon.geometry)
        layer.CreateFeature(feature)
    target = gdal.GetDriverByName("MEM").Create("", place.width, place.height, 1, gdal.GDT_Int32)
    target.SetGeoTransform(place.geotransform)
    if reference is not None:
        target.SetProjection(place.crs_wkt)
    # Without a CRS GDAL says that it takes both for the same: so they are.
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        gdal.RasterizeLayer(target, [1], layer, options=["ATTRIBUTE=number"])
    finally:
        gdal.PopErrorHandler()
    data = target.ReadRaster(buf_type=gdal.GDT_Int32)
    return np.frombuffer(data, np.int32).reshape(place.height, place.width)


def _memory_dataset() -> Any:
    """A vector dataset in memory: the driver's name depends on GDAL's version."""
    try:
        driver = gdal.GetDriverByName("Memory")
    except RuntimeError:
        driver = None
    driver = driver or gdal.GetDriverByName("MEM")
    return driver.Create("", 0, 0, 0, gdal.GDT_Unknown)
