"""Where pixels lie: a raster's size, its affine geotransform and its CRS."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import osr

from ..errors import RasterError
from ..stored_json import check_fields
from .gdal_session import gdal_session
from .gdal_text import plain
from .windows import Window, clip

# What QGIS shows a raster without a geotransform at: row r lies at y = -r.
NO_GEOTRANSFORM = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
# Two grids are the same when no corner moves by more than this share of a pixel.
PIXEL_TOLERANCE = 0.01

_STORED = {"crs_wkt": str, "geotransform": list, "height": int, "width": int}

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """Position of every pixel of a raster; rotated and south-up rasters included.

    Attributes:
        crs_wkt: the CRS as WKT, empty where the raster has none.
        geotransform: GDAL's six numbers: x of the upper left corner, x per column, x per
            row, y of the upper left corner, y per column, y per row.
        height: rows.
        width: columns.
    """

    crs_wkt: str
    geotransform: tuple[float, ...]
    height: int
    width: int

    @property
    def georeferenced(self) -> bool:
        """Whether the raster lies anywhere but at its own pixel coordinates."""
        return self.geotransform != NO_GEOTRANSFORM

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Length of a pixel's sides along a row and along a column, in CRS units."""
        _, a, b, _, d, e = self.geotransform
        return math.hypot(a, d), math.hypot(b, e)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """``(xmin, ymin, xmax, ymax)`` of the four outer corners, in CRS units."""
        x, y = self._corners()
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @property
    def has_area(self) -> bool:
        """Whether every pixel has a place of its own, which its coordinates lead back to."""
        _, a, b, _, d, e = self.geotransform
        if a * e == b * d:
            return False
        with np.errstate(all="ignore"):
            lost = np.array(self._backward(*self._corners())) - self._ends
        return bool(np.all(np.abs(lost) < PIXEL_TOLERANCE))

    def same_as(self, other: Grid) -> bool:
        """Whether both have the same pixels: size, CRS, and corners to a hundredth of a pixel.

        A raster without a CRS counts as the same where all its coordinates agree.
        """
        if (self.height, self.width) != (other.height, other.width):
            return False
        if self.crs_wkt and other.crs_wkt and not same_crs(self.crs_wkt, other.crs_wkt):
            return False
        x, y = self._corners()
        other_x, other_y = other._corners()
        tolerance = PIXEL_TOLERANCE * min(self.pixel_size)
        return bool(np.all(np.hypot(x - other_x, y - other_y) <= tolerance))

    def xy(self, row: Any, col: Any) -> tuple[FloatArray, FloatArray]:
        """Coordinates of pixel centres, in CRS units; rows and columns may be arrays."""
        return self._forward(np.asarray(row, float) + 0.5, np.asarray(col, float) + 0.5)

    def rowcol(self, x: Any, y: Any) -> tuple[IntArray, IntArray]:
        """Row and column (int64) of the pixels that hold coordinates; may lie outside."""
        row, col = self._backward(np.asarray(x, float), np.asarray(y, float))
        return np.floor(row).astype(np.int64), np.floor(col).astype(np.int64)

    def window_of_extent(self, extent: tuple[float, float, float, float]) -> Window:
        """The pixels that an extent touches, clipped to the raster.

        Args:
            extent: ``(xmin, ymin, xmax, ymax)`` in the raster's CRS.

        Raises:
            RasterError: the extent and the raster have no pixel in common.
        """
        xmin, ymin, xmax, ymax = extent
        if not all(map(math.isfinite, extent)) or xmax <= xmin or ymax <= ymin:
            raise RasterError(
                f"The extent {_numbers(extent)} is empty; expected xmin, ymin, xmax, ymax "
                "with xmin < xmax and ymin < ymax. Give an EXTENT that has an area, or none."
            )
        x, y = np.array([xmin, xmax, xmin, xmax]), np.array([ymin, ymin, ymax, ymax])
        row, col = self._backward(x, y)
        # An extent drawn on pixel edges must not take in the next row by rounding.
        top, left = math.floor(row.min() + 1e-6), math.floor(col.min() + 1e-6)
        bottom, right = math.ceil(row.max() - 1e-6), math.ceil(col.max() - 1e-6)
        whole = Window(top, left, max(bottom - top, 1), max(right - left, 1))
        window = clip(whole, self.height, self.width)
        if window.size == 0:
            raise RasterError(
                f"The extent {_numbers(extent)} lies outside the raster, which covers "
                f"{_numbers(self.extent)} (xmin, ymin, xmax, ymax). Give the extent in the "
                f"raster's own CRS ({crs_title(self.crs_wkt)})."
            )
        return window

    def sub(self, window: Window) -> Grid:
        """The grid of a window of this one."""
        x, y = self._forward(np.asarray(float(window.row)), np.asarray(float(window.col)))
        _, a, b, _, d, e = self.geotransform
        origin = (float(x), a, b, float(y), d, e)
        return Grid(self.crs_wkt, origin, window.height, window.width)

    def describe(self) -> str:
        """Size, pixel size and CRS in plain words."""
        across, down = self.pixel_size
        size = f"{self.width} x {self.height} pixels"
        if not self.georeferenced:
            return f"{size}, without georeference"
        side = f"{across:.6g}" if math.isclose(across, down) else f"{across:.6g} x {down:.6g}"
        turned = ", rotated" if self.geotransform[2] or self.geotransform[4] else ""
        origin = _numbers((self.geotransform[0], self.geotransform[3]))
        unit = crs_unit(self.crs_wkt)
        return f"{size} of {side} {unit}{turned} from {origin}, {crs_title(self.crs_wkt)}"

    def to_json(self) -> dict[str, Any]:
        """The grid as plain JSON."""
        return {
            "crs_wkt": self.crs_wkt,
            "geotransform": list(self.geotransform),
            "height": self.height,
            "width": self.width,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Grid:
        """The grid of a record made by ``to_json``.

        Raises:
            RasterError: the record is damaged.
        """
        try:
            check_fields(record, _STORED, "the raster's grid")
            numbers = tuple(float(v) for v in record["geotransform"])
            grid = cls(record["crs_wkt"], numbers, record["height"], record["width"])
        except (TypeError, ValueError) as error:
            raise RasterError(f"A stored raster grid is damaged: {error}.") from error
        sides = (grid.height, grid.width)
        if len(numbers) != 6 or not all(0 < side < 2**31 for side in sides) or not grid.has_area:
            raise RasterError("A stored raster grid is damaged: size or geotransform is wrong.")
        return grid

    @property
    def _ends(self) -> tuple[FloatArray, FloatArray]:
        """Rows and columns of the four outer corners."""
        height, width = float(self.height), float(self.width)
        return np.array([0.0, 0.0, height, height]), np.array([0.0, width, 0.0, width])

    def _corners(self) -> tuple[FloatArray, FloatArray]:
        return self._forward(*self._ends)

    def _forward(self, row: FloatArray, col: FloatArray) -> tuple[FloatArray, FloatArray]:
        x0, a, b, y0, d, e = self.geotransform
        return x0 + a * col + b * row, y0 + d * col + e * row

    def _backward(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        x0, a, b, y0, d, e = self.geotransform
        determinant = a * e - b * d
        x, y = x - x0, y - y0
        return (a * y - d * x) / determinant, (e * x - b * y) / determinant


def grid_of(dataset: Any, name: str) -> Grid:
    """The grid of an open GDAL dataset.

    Raises:
        RasterError: the raster has ground control points only, or a useless geotransform.
    """
    numbers = dataset.GetGeoTransform(can_return_null=True)
    if numbers is None or tuple(numbers) == (0.0, 1.0, 0.0, 0.0, 0.0, 1.0):
        if dataset.GetGCPCount() > 0:
            raise RasterError(
                f"{name} has {dataset.GetGCPCount()} ground control points but no geotransform, "
                "so its pixels have no place yet. Rectify it first (in QGIS: Raster > "
                "Projections > Warp)."
            )
        numbers = NO_GEOTRANSFORM
    geotransform = tuple(float(v) for v in numbers)
    grid = Grid(
        plain(dataset.GetProjection()), geotransform, dataset.RasterYSize, dataset.RasterXSize
    )
    if not grid.has_area:
        raise RasterError(
            f"{name} has the geotransform {_numbers(geotransform)}, whose pixels have no area or "
            "cannot be told apart. Set the right one (gdal_edit.py -a_ullr) and try again."
        )
    return grid


def same_crs(first: str, second: str) -> bool:
    """Whether two WKT texts name the same CRS."""
    if first == second:
        return True
    with gdal_session():
        try:
            return bool(osr.SpatialReference(first).IsSame(osr.SpatialReference(second)))
        except RuntimeError:
            return False


def crs_title(wkt: str) -> str:
    """A CRS in a few words, such as ``WGS 84 / UTM zone 33N (EPSG:32633)``."""
    if not wkt:
        return "no CRS"
    with gdal_session():
        try:
            reference = osr.SpatialReference(wkt)
            name = reference.GetName() or "unnamed CRS"
            authority, code = reference.GetAuthorityName(None), reference.GetAuthorityCode(None)
        except RuntimeError:
            return "a CRS that GDAL cannot read"
    return f"{name} ({authority}:{code})" if authority and code else str(name)


def crs_unit(wkt: str) -> str:
    """The unit of a CRS's coordinates, such as ``metres``; ``units`` where it is unknown."""
    if not wkt:
        return "units"
    with gdal_session():
        try:
            reference = osr.SpatialReference(wkt)
            if reference.IsGeographic():
                return "degrees"
            name = str(reference.GetLinearUnitsName() or "units")
        except RuntimeError:
            return "units"
    return {"metre": "metres", "meter": "metres", "Meter": "metres"}.get(name, name)


def _numbers(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.10g}" for value in values) + ")"
