"""Opening a raster: what GDAL found in it, and what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from osgeo import gdal

from ..errors import RasterError, reason
from .gdal_session import GDAL_ERRORS
from .gdal_text import plain

# GDAL's data types by the names of GDAL's C library (some are missing in older bindings).
_DTYPES = {
    "Byte": "uint8",
    "Int8": "int8",
    "UInt16": "uint16",
    "Int16": "int16",
    "UInt32": "uint32",
    "Int32": "int32",
    "UInt64": "uint64",
    "Int64": "int64",
    "Float16": "float32",
    "Float32": "float32",
    "Float64": "float64",
}


@contextmanager
def damage_named(name: str) -> Iterator[None]:
    """Turn GDAL's errors on what an open file says of itself into one that names the file.

    Raises:
        RasterError: a part of the file's description cannot be read.
    """
    try:
        yield
    except GDAL_ERRORS as error:
        raise RasterError(
            f"{name} is damaged: what it says about itself cannot be read ({reason(error)}). "
            "Copy it again, or write it anew (in QGIS: Raster > Conversion > Translate)."
        ) from error


def open_dataset(path: str, name: str) -> Any:
    """Open a raster for reading.

    Raises:
        RasterError: GDAL cannot, or the file has no bands of its own.
    """
    try:
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_VERBOSE_ERROR)
    except GDAL_ERRORS as error:
        raise RasterError(
            f"{name} cannot be opened as a raster: {reason(error)}. Choose a raster file that "
            "QGIS can show."
        ) from error
    with damage_named(name):
        if dataset.RasterCount:
            return dataset
        parts = [plain(part[0]) for part in dataset.GetSubDatasets()]
    if parts:
        shown = "; ".join(parts[:8]) + ("; …" if len(parts) > 8 else "")
        raise RasterError(
            f"{name} is a container of {len(parts)} rasters; choose one of them: {shown}"
        )
    raise RasterError(f"{name} has no bands; choose a raster that has some.")


def data_type(dataset: Any, name: str) -> tuple[np.dtype[Any], int]:
    """The type that holds all bands' values, for numpy and for GDAL.

    Raises:
        RasterError: a band holds complex numbers, or the types do not mix.
    """
    found = set()
    for number in range(1, dataset.RasterCount + 1):
        band = dataset.GetRasterBand(number)
        title = gdal.GetDataTypeName(band.DataType)
        if title not in _DTYPES:
            raise RasterError(
                f"Band {number} of {name} holds {title} values; expected real numbers. "
                "Convert it first, for example to its magnitude (gdal_translate or the "
                "raster calculator)."
            )
        signed = band.GetMetadataItem("PIXELTYPE", "IMAGE_STRUCTURE") == "SIGNEDBYTE"
        found.add("int8" if signed else _DTYPES[title])
    dtype = np.result_type(*(np.dtype(word) for word in found))
    if dtype == np.int8 and not hasattr(gdal, "GDT_Int8"):
        return dtype, gdal.GDT_Byte
    if "int8" in found and not hasattr(gdal, "GDT_Int8"):
        raise RasterError(f"{name} mixes signed bytes with other types; convert it to Int16.")
    code = next(k for k in (getattr(gdal, f"GDT_{t}", None) for t in _names(dtype)) if k)
    return dtype, code


def _names(dtype: np.dtype[Any]) -> list[str]:
    return [title for title, word in _DTYPES.items() if word == dtype.name and title != "Float16"]


def alpha_band(dataset: Any) -> int:
    """Number of the band that holds the transparency, 0 where there is none."""
    for number in range(1, dataset.RasterCount + 1):
        if dataset.GetRasterBand(number).GetColorInterpretation() == gdal.GCI_AlphaBand:
            return number
    return 0


def short_name(path: str) -> str:
    """The file's name, for a subdataset with what follows it."""
    tail = path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return tail.replace('"', "") or path
