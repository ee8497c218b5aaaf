"""The image file of a tile: GeoTIFF with all of it, or PNG and JPEG of 8 bits to look at."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import gdal

from ...errors import ChipSetError
from ...raster.gdal_session import gdal_session
from ...raster.grid import Grid
from ..chip_files import ChipLook, memory_file, write_chip
from .tile_set import STORAGES

RawArray = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]

_OPTIONS = {"PNG": ["WORLDFILE=YES", "ZLEVEL=6"], "JPEG": ["WORLDFILE=YES", "QUALITY=95"]}


def write_image(
    path: Path,
    pixels: RawArray,
    grid: Grid,
    look: ChipLook,
    valid: BoolArray | None,
    *,
    storage: str,
) -> int:
    """Write the image of a tile; the place of PNG and JPEG lies in files beside them.

    Args:
        path: the file.
        pixels: ``(size, size, bands)``; of PNG and JPEG uint8.
        grid: where its pixels lie.
        look: names and nodata of a GeoTIFF.
        valid: ``(size, size)`` the mask of a GeoTIFF; None for none.
        storage: one of ``STORAGES``.

    Returns:
        Bytes written.

    Raises:
        OSError: it cannot be written.
        ChipSetError: GDAL cannot put it together.
    """
    driver, _ = STORAGES[storage]
    if driver == "GTiff":
        return write_chip(path, pixels, grid, look, valid)
    folder = f"/vsimem/hsicnn-{secrets.token_hex(8)}"
    try:
        with gdal_session():
            _copy(f"{folder}/{path.name}", np.ascontiguousarray(pixels), grid, driver)
            names = sorted(name for name in gdal.ReadDir(folder) if name.strip("."))
            parts = {name: memory_file(f"{folder}/{name}") for name in names}
    except RuntimeError as error:
        raise ChipSetError(f"The tile {path.name} could not be put together: {error}.") from error
    finally:
        for name in gdal.ReadDir(folder) or ():
            if name.strip("."):
                gdal.Unlink(f"{folder}/{name}")
    for name, data in parts.items():
        path.with_name(name).write_bytes(data)
    return sum(map(len, parts.values()))


def _copy(place: str, pixels: RawArray, grid: Grid, driver: str) -> None:
    """Write the file into GDAL's memory."""
    height, width, bands = pixels.shape
    made = gdal.GetDriverByName("MEM").Create("", width, height, bands, gdal.GDT_Byte)
    if grid.georeferenced:
        made.SetGeoTransform(grid.geotransform)
    if grid.crs_wkt:
        made.SetProjection(grid.crs_wkt)
    made.WriteRaster(
        0,
        0,
        width,
        height,
        pixels.tobytes(),
        buf_type=gdal.GDT_Byte,
        buf_pixel_space=bands,
        buf_line_space=bands * width,
        buf_band_space=1,
    )
    # The dataset is let go of at once: it writes what lies beside it when it is closed.
    gdal.GetDriverByName(driver).CreateCopy(place, made, options=_OPTIONS[driver])
