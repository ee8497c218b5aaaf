"""A stack as one GeoTIFF: the windows stand on top of each other, pixel-interleaved.

Window ``i`` is the rows ``i * side`` to ``(i + 1) * side - 1``. The file is as wide as a
window and lies nowhere: where each window belongs stands in the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

from ...errors import ChipSetError, reason
from ...raster.bands import common_nodata
from ...raster.gdal_session import gdal_session, read_pixels
from ...raster.geotiff import check_blocks, plain_bands
from ..chip_files import TYPES, chip_type, internal_mask
from .stack import BoolArray, RawArray, StackShape, WindowSamples


class GeotiffWriter:
    """Writes windows one after the other; see ``files.StackWriter``."""

    def __init__(self, path: Path, shape: StackShape) -> None:
        self._path = path
        self._shape = shape
        self._done = 0
        with gdal_session():
            self._dataset = self._create()

    def append(self, pixels: RawArray, valid: BoolArray | None, _samples: WindowSamples) -> None:
        """Write some windows.

        Raises:
            OSError: the disk is full.
        """
        count, side, _, bands = pixels.shape
        size = pixels.itemsize
        area = (0, self._done * side, side, count * side)
        try:
            with gdal_session():
                self._dataset.WriteRaster(
                    *area,
                    np.ascontiguousarray(pixels).tobytes(),
                    buf_type=self._dataset.GetRasterBand(1).DataType,
                    buf_pixel_space=size * bands,
                    buf_line_space=size * bands * side,
                    buf_band_space=size,
                )
                if self._shape.masked:
                    shown = np.full((count, side, side), 255, np.uint8)
                    if valid is not None:
                        shown[~valid] = 0
                    mask = self._dataset.GetRasterBand(1).GetMaskBand()
                    mask.WriteRaster(*area, shown.tobytes(), buf_type=gdal.GDT_Byte)
                self._store()
        except RuntimeError as error:
            raise OSError(reason(error)) from error
        self._done += count

    def _store(self) -> None:
        """Write what GDAL has kept: the image that is read has need of its cache."""
        # Band by band: a dataset that is flushed appends a directory to the file each time.
        for number in range(1, len(self._shape.bands) + 1):
            self._dataset.GetRasterBand(number).FlushCache()

    def close(self) -> None:
        """Write what is left, and see that all of it is there: a full disk shows here.

        Raises:
            OSError: it is not.
        """
        try:
            with gdal_session():
                self._dataset.FlushCache()
                self._dataset = None
                check_blocks(self._path, 1)
        except RuntimeError as error:
            raise OSError(reason(error)) from error

    def abandon(self) -> None:
        """Let go of the file without a word."""
        with gdal_session():
            try:
                self._dataset = None
            except RuntimeError:  # it goes in any case
                self._dataset = None

    def _create(self) -> Any:
        shape = self._shape
        kind, extra = chip_type(shape.dtype)
        options = ["COMPRESS=DEFLATE", "ZLEVEL=1", "INTERLEAVE=PIXEL", "BIGTIFF=IF_SAFER", *extra]
        options += plain_bands(len(shape.bands))
        options.append(f"BLOCKYSIZE={min(shape.strip, shape.count) * shape.side}")
        if np.dtype(shape.dtype).kind in "iu":
            options.append("PREDICTOR=2")
        dataset = gdal.GetDriverByName("GTiff").Create(
            str(self._path),
            shape.side,
            shape.count * shape.side,
            len(shape.bands),
            getattr(gdal, f"GDT_{kind}"),
            options=options,
        )
        nodata = common_nodata(shape.bands)
        if nodata is not None:
            dataset.GetRasterBand(1).SetNoDataValue(nodata)
        for number, band in enumerate(shape.bands, 1):
            dataset.GetRasterBand(number).SetDescription(band.name)
        if shape.masked:
            with internal_mask():
                dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
        return dataset


def geotiff_windows(path: Path, shape: StackShape) -> Iterator[tuple[RawArray, BoolArray | None]]:
    """Yield the windows of a stack in order, ``(m, side, side, bands)``, and their masks.

    Raises:
        ChipSetError: the file is missing, damaged, or not that of the stack.
    """
    dataset = _opened(path, shape)
    for first in range(0, shape.count, shape.at_once):
        yield _read(path, dataset, shape, slice(first, min(first + shape.at_once, shape.count)))


def _opened(path: Path, shape: StackShape) -> Any:
    """Return the open dataset, if it is that of the stack."""
    with gdal_session():
        try:
            dataset = gdal.OpenEx(str(path), gdal.OF_RASTER, allowed_drivers=["GTiff"])
        except RuntimeError as error:
            raise _damaged(path, error) from error
        found = (dataset.RasterYSize, dataset.RasterXSize, dataset.RasterCount)
        kind = gdal.GetDataTypeName(dataset.GetRasterBand(1).DataType)
    expected = (shape.count * shape.side, shape.side, len(shape.bands))
    if found != expected or kind not in {TYPES[shape.dtype], chip_type(shape.dtype)[0]}:
        raise ChipSetError(
            f"{path} is {found} (rows, columns, bands) of {kind}; expected {expected} of "
            f"{TYPES[shape.dtype]}. Export the chips again."
        )
    return dataset


def _read(
    path: Path, dataset: Any, shape: StackShape, own: slice
) -> tuple[RawArray, BoolArray | None]:
    side, bands, count = shape.side, len(shape.bands), own.stop - own.start
    size = np.dtype(shape.dtype).itemsize
    area = (0, own.start * side, side, count * side)
    mask = None
    with gdal_session():
        band = dataset.GetRasterBand(1)
        try:
            data = read_pixels(
                dataset,
                *area,
                buf_type=band.DataType,
                buf_pixel_space=size * bands,
                buf_line_space=size * bands * side,
                buf_band_space=size,
            )
            if band.GetMaskFlags() & gdal.GMF_PER_DATASET:
                mask = read_pixels(band.GetMaskBand(), *area, buf_type=gdal.GDT_Byte)
        except RuntimeError as error:
            raise _damaged(path, error) from error
    pixels = np.frombuffer(data, shape.dtype).reshape(count, side, side, bands)
    if mask is None:
        return pixels, None
    return pixels, np.frombuffer(mask, np.uint8).reshape(count, side, side) != 0


def _damaged(path: Path, error: Exception) -> ChipSetError:
    return ChipSetError(f"{path} is damaged or missing: {reason(error)}. Export the chips again.")
