"""Rasters for the benchmarks, as files come: strips, compressed tiles, ENVI's interleaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

SCALE = 1e-4
COVERS = 12  # kinds of spectra
ROWS = 128  # made at a time

FORMATS: Mapping[str, tuple[str, str, Sequence[str]]] = {
    "GeoTIFF strips": (".tif", "GTiff", ("INTERLEAVE=BAND",)),
    "GeoTIFF tiles, deflate": (
        ".tif",
        "GTiff",
        ("TILED=YES", "INTERLEAVE=PIXEL", "COMPRESS=DEFLATE", "PREDICTOR=2"),
    ),
    "ENVI BIL": (".img", "ENVI", ("INTERLEAVE=BIL",)),
    "ENVI BSQ": (".img", "ENVI", ("INTERLEAVE=BSQ",)),
}


def raster_path(folder: Path, form: str, bands: int, side: int) -> Path:
    """Return the path of a square raster of the benchmark."""
    name = form.replace(",", "").replace(" ", "-").lower()
    return folder / f"{name}-{bands}-{side}{FORMATS[form][0]}"


def write_raster(
    path: Path, bands: int, height: int, width: int, form: str = "GeoTIFF tiles, deflate"
) -> None:
    """Write an int16 raster: fields of a few covers with noise of half a percent.

    Args:
        path: of the file.
        bands: of the raster.
        height: rows.
        width: columns.
        form: one of ``FORMATS``.
    """
    _, driver, options = FORMATS[form]
    dataset: Any = gdal.GetDriverByName(driver).Create(
        str(path), width, height, bands, gdal.GDT_Int16, options=list(options)
    )
    dataset.SetGeoTransform((0.0, 30.0, 0.0, 0.0, 0.0, -30.0))
    for number in range(bands):
        dataset.GetRasterBand(number + 1).SetScale(SCALE)
    for top, values in _strips(bands, height, width):
        dataset.WriteRaster(0, top, width, values.shape[1], values.tobytes())
    dataset.FlushCache()


def _strips(bands: int, height: int, width: int) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    rng = np.random.default_rng(2)
    turns = rng.uniform(0.5, 3.0, (COVERS, 1)), rng.uniform(0, 6.28, (COVERS, 1))
    spectra = 3000 + 1500 * np.sin(np.linspace(0, 6.28, bands) * turns[0] + turns[1])
    for top in range(0, height, ROWS):
        rows = min(ROWS, height - top)
        fields = (np.arange(top, top + rows)[:, None] // 23 * 7 + np.arange(width) // 31) % COVERS
        values = spectra.T.astype(np.float32)[:, fields]
        values += rng.standard_normal(values.shape, dtype=np.float32) * 20
        yield top, np.rint(values).astype(np.int16)


def write_striped_raster(path: Path, bands: int, side: int) -> None:
    """Write an ENVI raster (BIL) in which 16 of 256 rows are valid; the rest is nodata, 0."""
    dataset: Any = gdal.GetDriverByName("ENVI").Create(
        str(path), side, side, bands, gdal.GDT_Int16, options=["INTERLEAVE=BIL"]
    )
    for number in range(bands):
        dataset.GetRasterBand(number + 1).SetNoDataValue(0)
        dataset.GetRasterBand(number + 1).SetScale(SCALE)
    rng = np.random.default_rng(3)
    for top in range(0, side, 256):
        rows = min(16, side - top)
        values = rng.integers(1500, 4500, (bands, rows, side), dtype=np.int16)
        dataset.WriteRaster(0, top, side, rows, values.tobytes())
    dataset.FlushCache()
    del dataset
    with path.open("r+b") as file:
        file.truncate(side * side * bands * 2)
