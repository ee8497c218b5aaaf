"""The area that samples are taken from: polygons, of another layer than the labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import ogr

from ..errors import LabelError
from ..progress import Progress
from ..raster.gdal_session import gdal_session
from ..raster.grid import Grid
from ..raster.windows import Window
from .burning import Polygon, burnt_numbers, window_of
from .extents import outline, transformation
from .labels import Labels
from .vector_features import is_valid, transform_in_place
from .vector_source import open_layer

IntArray = npt.NDArray[np.int64]

_CELL = 1024
_HAIR = 1e-6  # of a pixel: edges that only meet must not fail by rounding


@dataclass(frozen=True, eq=False)
class Mask:
    """An area on an image.

    Attributes:
        name: of the layer.
        grid: of the image.
        polygons: in the image's CRS.
        area: all of them as one ``ogr.PreparedGeometry``: many tiles are asked for, and it has
            its edges in an index.
    """

    name: str
    grid: Grid
    polygons: tuple[Polygon, ...]
    area: Any

    @cached_property
    def _windows(self) -> IntArray:
        """Rows, columns, heights and widths of the polygons' windows, ``(4, n)``."""
        return np.array([polygon.window for polygon in self.polygons], dtype=np.int64).T

    def holds(self, window: Window) -> bool:
        """Tell whether a window of the image lies wholly inside."""
        with gdal_session():
            return bool(self.area.Contains(outline(self.grid.sub(window), _HAIR)))

    def keep(self, labels: Labels, progress: Progress) -> Labels:
        """Return the labels whose pixel centre lies inside.

        Raises:
            LabelError: none does.
        """
        inside = np.zeros(len(labels), dtype=bool)
        down, right = labels.rows // _CELL, labels.cols // _CELL
        cell = down.astype(np.int64) * (self.grid.width // _CELL + 1) + right
        order = np.argsort(cell, kind="stable")
        for own in np.split(order, np.flatnonzero(np.diff(cell[order])) + 1):
            progress.check_cancel()
            inside[own] = self._burnt(labels.rows[own], labels.cols[own])
        lost = int((~inside).sum())
        if not inside.any():
            raise LabelError(
                f"None of {len(labels):,} labelled pixels lies inside the MASK {self.name}. Choose "
                "polygons around labels, or no MASK."
            )
        note = [f"{lost:,} labelled pixels outside of {self.name} are left out."] if lost else []
        return labels.keep(inside, *note)

    def _burnt(
        self, rows: npt.NDArray[np.int32], cols: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.bool_]:
        top, left = int(rows.min()), int(cols.min())
        window = Window(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)
        near = [self.polygons[number] for number in np.flatnonzero(_meet(self._windows, window))]
        if not near:
            return np.zeros(len(rows), dtype=bool)
        with gdal_session():
            numbers = burnt_numbers(near, self.grid.sub(window))
        return np.asarray(numbers[rows - top, cols - left] > 0)


def read_mask(path: str, layer: str, grid: Grid, progress: Progress) -> Mask:
    """Read the polygons of a layer onto an image's grid.

    Args:
        path: what GDAL opens.
        layer: its name in the file; may be empty where there is one only.
        grid: of the image; another CRS is reprojected to it.
        progress: asked for cancelling.

    Raises:
        LabelError: it cannot be opened, has no polygons, or none of them on the image.
    """
    found: list[Polygon] = []
    with gdal_session():
        source = open_layer(path, layer, purpose="a MASK", wanted="a layer of polygons")
        change = transformation(source.crs_wkt, grid.crs_wkt, source.name)
        for number, feature in enumerate(source.layer, 1):
            progress.check_cancel()
            geometry = feature.GetGeometryRef()
            if geometry is None or geometry.IsEmpty():
                continue
            own = geometry.GetLinearGeometry() if geometry.HasCurveGeometry() else geometry.Clone()
            own.FlattenTo2D()
            if ogr.GT_Flatten(own.GetGeometryType()) not in (ogr.wkbPolygon, ogr.wkbMultiPolygon):
                raise LabelError(
                    f"The MASK {source.name} holds a {own.GetGeometryName()}; expected polygons."
                )
            if not is_valid(own) or not transform_in_place(own, change):
                raise LabelError(
                    f"Polygon {number} of the MASK {source.name} crosses itself or cannot be "
                    "reprojected. Repair it (in QGIS: Fix geometries)."
                )
            window = window_of(own, grid)
            if window.size:
                found.append(Polygon(own, 0, number, window))
        if not found:
            raise LabelError(
                f"The MASK {source.name} has no polygon on the image. Choose another layer."
            )
        parts = ogr.Geometry(ogr.wkbMultiPolygon)
        for polygon in found:
            for piece in _pieces(polygon.geometry):
                parts.AddGeometry(piece)
        area = parts.UnionCascaded().CreatePreparedGeometry()
    return Mask(source.name, grid, tuple(found), area)


def _pieces(geometry: Any) -> list[Any]:
    if ogr.GT_Flatten(geometry.GetGeometryType()) == ogr.wkbPolygon:
        return [geometry]
    return [geometry.GetGeometryRef(number) for number in range(geometry.GetGeometryCount())]


def _meet(windows: IntArray, other: Window) -> npt.NDArray[np.bool_]:
    """Tell which windows, as ``Mask._windows``, share a pixel with another."""
    rows, cols, heights, widths = windows
    down = np.minimum(rows + heights, other.row + other.height) > np.maximum(rows, other.row)
    right = np.minimum(cols + widths, other.col + other.width) > np.maximum(cols, other.col)
    return np.asarray(down & right)
