"""Where an imported image lies: what the user says, or what its ground truth has."""

from __future__ import annotations

import math
from collections.abc import Sequence

from osgeo import osr

from ..errors import InputError
from ..raster.gdal_session import gdal_session
from ..raster.grid import NO_GEOTRANSFORM, Grid


def make_grid(
    height: int, width: int, crs: str, extent: Sequence[float] | None, reference: Grid | None
) -> tuple[Grid, str]:
    """Return the grid of an image and where it comes from, in words.

    Args:
        height: rows.
        width: columns.
        crs: of the extent: WKT, or a code such as ``EPSG:32633``; empty for none.
        extent: xmin, ymin, xmax, ymax of the whole image; None for none.
        reference: grid of the ground truth, of the same size; None where it has none.

    Raises:
        InputError: the CRS is none, or the extent has no area.
    """
    wkt = _wkt(crs)
    if extent is None:
        if wkt:
            raise InputError(
                "CRS is given without EXTENT: a CRS alone does not say where the image lies. Give "
                "the EXTENT of the whole image too, or neither."
            )
        if reference is not None and reference.georeferenced:
            return reference, "the ground truth"
        return Grid("", NO_GEOTRANSFORM, height, width), ""
    xmin, ymin, xmax, ymax = map(float, extent)
    grid = Grid(
        wkt,
        (xmin, (xmax - xmin) / width, 0.0, ymax, 0.0, -(ymax - ymin) / height),
        height,
        width,
    )
    if not all(map(math.isfinite, extent)) or xmax <= xmin or ymax <= ymin or not grid.has_area:
        raise InputError(
            f"EXTENT is {xmin:g}, {ymin:g}, {xmax:g}, {ymax:g} (xmin, ymin, xmax, ymax), which has "
            "no area; give the outer edges of the whole image."
        )
    return grid, "EXTENT" if wkt else "EXTENT, without a CRS"


def _wkt(crs: str) -> str:
    if not crs.strip():
        return ""
    reference = osr.SpatialReference()
    with gdal_session():
        try:
            reference.SetFromUserInput(crs)
            return str(reference.ExportToWkt())
        except RuntimeError as error:
            raise InputError(
                f"CRS is '{crs[:60]}', which is no coordinate system; write a code such as "
                "EPSG:32633."
            ) from error
