"""The GeoTIFFs of a chip set, written and read whole: chips are small."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from osgeo import gdal

from ..errors import ChipSetError, reason
from ..raster.gdal_session import gdal_session, read_pixels
from ..raster.geotiff import plain_bands
from ..raster.grid import Grid
from .classes import ClassInfo

RawArray = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]

TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "uint64": "UInt64",
    "int64": "Int64",
    "float32": "Float32",
    "float64": "Float64",
}
_STRIP_BYTES = 1 << 20  # a program that shows three bands decodes this much at a time


@dataclass(frozen=True)
class ChipLook:
    """What a chip file tells other programs.

    Attributes:
        names: of the bands; empty for none.
        nodata: value that means nothing; None for none.
        classes: shown by colour and name; empty for none.
    """

    names: Sequence[str] = ()
    nodata: float | None = None
    classes: Sequence[ClassInfo] = ()


def write_chip(
    path: Path, pixels: RawArray, grid: Grid, look: ChipLook, valid: BoolArray | None = None
) -> int:
    """Write a GeoTIFF, pixel-interleaved and compressed.

    It is put together in memory and written in one go, so that a full disk is noticed.

    Args:
        path: the file.
        pixels: ``(height, width, bands)``.
        grid: where its pixels lie.
        look: names, nodata, classes.
        valid: ``(height, width)`` written as the file's mask; None for no mask.

    Returns:
        Bytes written.

    Raises:
        OSError: where it cannot be written.
        ChipSetError: where GDAL cannot put it together.
    """
    place = f"/vsimem/hsicnn-{secrets.token_hex(8)}.tif"
    try:
        with gdal_session():
            _fill(place, np.ascontiguousarray(pixels), grid, look, valid)
            data = memory_file(place)
    except RuntimeError as error:
        raise ChipSetError(f"The chip {path.name} could not be put together: {error}.") from error
    finally:
        gdal.Unlink(place)
    path.write_bytes(data)
    return len(data)


def read_chip(
    path: Path, dtype: str, shape: tuple[int, int, int], driver: str = "GTiff"
) -> tuple[RawArray, BoolArray | None]:
    """Read a whole chip.

    Args:
        path: the file.
        dtype: numpy name of the values it must hold.
        shape: ``(height, width, bands)`` it must have.
        driver: GDAL's, of its format.

    Returns:
        ``(height, width, bands)`` in C order, and ``(height, width)`` its mask where it has
        one of its own.

    Raises:
        ChipSetError: where it is missing, damaged, or of another shape or type.
    """
    height, width, bands = shape
    if not path.is_file():
        raise ChipSetError(f"The chip {path} is missing. Export the chips again.")
    with gdal_session():
        try:
            # Its folder holds thousands of others, which GDAL would list for each.
            dataset = gdal.OpenEx(
                str(path), gdal.OF_RASTER, allowed_drivers=[driver], sibling_files=[path.name]
            )
            first = dataset.GetRasterBand(1)
            found = (dataset.RasterYSize, dataset.RasterXSize, dataset.RasterCount)
            kind = gdal.GetDataTypeName(first.DataType)
            if found != shape or kind not in {TYPES[dtype], chip_type(dtype)[0]}:
                raise ChipSetError(
                    f"The chip {path} is {found} (rows, columns, bands) of {kind}; expected "
                    f"{shape} of {TYPES[dtype]}. Export the chips again."
                )
            size = np.dtype(dtype).itemsize
            data = read_pixels(
                dataset,
                0,
                0,
                width,
                height,
                buf_type=first.DataType,
                buf_pixel_space=size * bands,
                buf_line_space=size * bands * width,
                buf_band_space=size,
            )
            mask = None
            if first.GetMaskFlags() & gdal.GMF_PER_DATASET:
                mask = read_pixels(first.GetMaskBand(), buf_type=gdal.GDT_Byte)
        except RuntimeError as error:
            raise ChipSetError(
                f"The chip {path} is damaged: {reason(error)}. Export the chips again."
            ) from error
    pixels = np.frombuffer(data, dtype).reshape(shape)
    if mask is None:
        return pixels, None
    return pixels, np.frombuffer(mask, np.uint8).reshape(height, width) != 0


def _fill(
    place: str, pixels: RawArray, grid: Grid, look: ChipLook, valid: BoolArray | None
) -> None:
    """Write the file into GDAL's memory."""
    height, width, bands = pixels.shape
    kind, extra = chip_type(pixels.dtype.name)
    rows = min(max(_STRIP_BYTES // (width * bands * pixels.itemsize), 1), height)
    options = ["COMPRESS=DEFLATE", "ZLEVEL=1", "INTERLEAVE=PIXEL", f"BLOCKYSIZE={rows}", *extra]
    options += plain_bands(bands)
    if pixels.dtype.kind in "iu":
        options.append("PREDICTOR=2")
    code = getattr(gdal, f"GDT_{kind}")
    driver = gdal.GetDriverByName("GTiff")
    dataset = driver.Create(place, width, height, bands, code, options=options)
    if grid.georeferenced:
        dataset.SetGeoTransform(grid.geotransform)
    if grid.crs_wkt:
        dataset.SetProjection(grid.crs_wkt)
    if look.nodata is not None:
        dataset.GetRasterBand(1).SetNoDataValue(look.nodata)
    for number, name in enumerate(look.names, 1):
        dataset.GetRasterBand(number).SetDescription(name)
    if look.classes:
        _colour(dataset.GetRasterBand(1), look.classes)
    size = pixels.itemsize
    dataset.WriteRaster(
        0,
        0,
        width,
        height,
        pixels.tobytes(),
        buf_type=code,
        buf_pixel_space=size * bands,
        buf_line_space=size * bands * width,
        buf_band_space=size,
    )
    if valid is not None:
        _write_mask(dataset, valid)
    dataset.FlushCache()


def _colour(band: Any, classes: Sequence[ClassInfo]) -> None:
    """Give a label band the colours and names of its classes."""
    if len(classes) < 256:  # GeoTIFF has no colour table for more
        table = gdal.ColorTable()
        table.SetColorEntry(0, (0, 0, 0, 0))
        for value, item in enumerate(classes, 1):
            red, green, blue = (int(item.color[at : at + 2], 16) for at in (1, 3, 5))
            table.SetColorEntry(value, (red, green, blue, 255))
        band.SetColorTable(table)


def _write_mask(dataset: Any, valid: BoolArray) -> None:
    """Write a mask into the file itself, not beside it."""
    with internal_mask():
        dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
    data = (valid.astype(np.uint8) * 255).tobytes()
    height, width = valid.shape
    dataset.GetRasterBand(1).GetMaskBand().WriteRaster(
        0, 0, width, height, data, buf_type=gdal.GDT_Byte
    )


@contextmanager
def internal_mask() -> Iterator[None]:
    """Let a GeoTIFF's mask band be made within the file, not beside it."""
    option = "GDAL_TIFF_INTERNAL_MASK"
    before = gdal.GetThreadLocalConfigOption(option)
    gdal.SetThreadLocalConfigOption(option, "YES")
    try:
        yield
    finally:
        gdal.SetThreadLocalConfigOption(option, before)


def chip_type(dtype: str) -> tuple[str, list[str]]:
    """Return GDAL's name of a data type, and the options to write a GeoTIFF of it with."""
    name = TYPES[dtype]
    if name == "Int8" and not hasattr(gdal, "GDT_Int8"):
        return "Byte", ["PIXELTYPE=SIGNEDBYTE"]
    return name, []


def memory_file(place: str) -> bytes:
    """Return the content of a file in GDAL's memory."""
    size = gdal.VSIStatL(place).size
    handle = gdal.VSIFOpenL(place, "rb")
    try:
        return bytes(gdal.VSIFReadL(1, size, handle))
    finally:
        gdal.VSIFCloseL(handle)
