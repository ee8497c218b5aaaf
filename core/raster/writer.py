"""Writing rasters: under a temporary name, checked, and only then in place."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from osgeo import gdal

from ..disk import room_left
from ..errors import RasterError
from .band_metadata import describe_image
from .bands import Band
from .class_bands import check_classes, set_classes
from .gdal_session import gdal_session, read_pixels
from .gdal_text import DOMAIN, metadata_of
from .geotiff import check_blocks, holds_block, plain_bands
from .grid import Grid
from .output_path import check_output, move_into_place, remove_temporary, side_file, temporary_name
from .style import ClassLike, Ramp, class_style, ramp_style
from .windows import Window, inside

TILE = 256
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")  # no XML can hold these
_GDAL_TYPES: Mapping[str, int] = {
    "uint8": gdal.GDT_Byte,
    "uint16": gdal.GDT_UInt16,
    "int16": gdal.GDT_Int16,
    "uint32": gdal.GDT_UInt32,
    "int32": gdal.GDT_Int32,
    "float32": gdal.GDT_Float32,
    "float64": gdal.GDT_Float64,
}


class RasterWriter:
    """A GeoTIFF being written: tiled, compressed, styled.

    It bears its final name only after ``commit``. Leaving the context without it removes
    everything written and keeps what was there before. Windows that are multiples of
    ``block_shape`` are written fastest and smallest. Pixels never written are nodata.

    Attributes:
        path: the final path.
        block_shape: rows and columns of the file's tiles.
        continued: whether it goes on with what an earlier job wrote.
    """

    block_shape = (TILE, TILE)

    def __init__(
        self,
        path: str | Path,
        grid: Grid,
        count: int,
        dtype: str,
        *,
        nodata: float | None,
        descriptions: Sequence[str] | None = None,
        bands: Sequence[Band] = (),
        categories: Sequence[ClassLike] | None = None,
        metadata: Mapping[str, str] | None = None,
        style: Ramp | None = None,
        inputs: Iterable[str | Path] = (),
        job_name: str = "",
    ) -> None:
        """Start a raster, or go on with one.

        Args:
            path: a ``.tif`` file; its folder must be there.
            grid: where its pixels lie.
            count: bands.
            dtype: numpy's name: uint8, uint16, int16, uint32, int32, float32 or float64.
            nodata: the value of pixels that hold nothing, or None.
            descriptions: the bands' names.
            bands: what the bands mean, where they are an image's: names, wavelengths, scale.
            categories: the classes of a map of one band (uint8 or uint16): colour table,
                category names and a ``.qml`` beside the file.
            metadata: items of the ``HSICNN`` metadata domain.
            style: colour ramp of the first band, as a ``.qml`` beside the file.
            inputs: files being read, which the output must not be.
            job_name: hexadecimal, of a job that may be killed and go on: the temporary name is made
                of it, and what ``save`` stored there is still there when it is opened again.

        Raises:
            RasterError: the output cannot be written there.
            ValueError: arguments that do not go together.
        """
        if bands:
            descriptions = [band.name for band in bands]
        _check_arguments(count, dtype, descriptions)
        if categories:
            check_classes(count, dtype, categories, nodata)
        self.path = check_output(path, inputs)
        self.grid = grid
        self.count = count
        self.dtype = np.dtype(dtype)
        # GeoTIFF keeps neither empty items nor blanks before them.
        kept = {key: _CONTROL.sub("", text).lstrip() for key, text in (metadata or {}).items()}
        self._metadata = {key: text for key, text in kept.items() if text}
        self._qml = ramp_style(style) if style else ""
        if categories:
            self._qml = class_style(categories)
        self._temporary = temporary_name(self.path, job_name)
        self._dataset: Any = None
        self._finished = False
        try:
            with gdal_session():
                self.continued = bool(job_name) and self._open_again()
                if not self.continued:
                    self._dataset = self._create(sparse=bool(job_name))
                    self._describe(nodata, descriptions, categories)
                    describe_image(self._dataset, bands)
                if job_name and not self.continued and not self._open_again():
                    raise RuntimeError("it cannot be opened after it was made")
        except RuntimeError as error:
            self.discard()
            raise self._failed(error) from error

    def __enter__(self) -> RasterWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    @property
    def staged(self) -> tuple[Path, Path]:
        """The path it has until ``commit``, and the final one: for ``move_into_place``."""
        return self._temporary, self.path

    def write(self, window: Window, array: np.ndarray[Any, Any]) -> None:
        """Write a window.

        Args:
            window: inside the raster.
            array: ``(bands, height, width)``, or ``(height, width)`` for one band, of the
                raster's own data type.

        Raises:
            RasterError: the file cannot be written, such as on a full disk.
            ValueError: shape, type or window do not fit.
        """
        planes = array[None] if array.ndim == 2 else array
        expected = (self.count, window.height, window.width)
        if planes.shape != expected or planes.dtype != self.dtype:
            raise ValueError(
                f"Got {planes.dtype} values of shape {planes.shape}; expected {self.dtype} of "
                f"shape {expected}."
            )
        if not inside(window, self.grid.height, self.grid.width):
            raise ValueError(f"{window} leaves the raster ({self.grid.describe()}).")
        area = (window.col, window.row, window.width, window.height)
        try:
            with gdal_session():
                self._dataset.WriteRaster(
                    *area,
                    np.ascontiguousarray(planes).tobytes(),
                    buf_type=_GDAL_TYPES[self.dtype.name],
                    band_list=list(range(1, self.count + 1)),
                )
        except RuntimeError as error:
            raise self._failed(error) from error

    def save(self) -> None:
        """Store what was written so far, so that it outlives this process.

        Raises:
            RasterError: the file cannot be written, such as on a full disk.
        """
        try:
            with gdal_session():
                # GDAL's flush leaves where the last tiles lie in a buffer; closing does not.
                self._dataset.FlushCache()  # raises what closing would only print
                if not self._open_again():
                    raise RuntimeError("it cannot be opened again")
        except RuntimeError as error:
            raise self._failed(error) from error

    def checksum(self, window: Window) -> int:
        """Return a checksum of the values of a window: ``checksum_of`` of what was written.

        Raises:
            RasterError: the file is damaged there.
        """
        try:
            with gdal_session():
                values = read_pixels(
                    self._dataset, window.col, window.row, window.width, window.height
                )
        except RuntimeError as error:
            raise RasterError(f"{self.path.name} is damaged: {error}") from error
        return checksum_of(values)

    def stores(self, tile: Window) -> bool:
        """Whether a tile of the file was written and saved, in any of its bands."""
        with gdal_session():
            return holds_block(self._dataset, tile.col // TILE, tile.row // TILE)

    def leave(self) -> None:
        """Close the unfinished file and leave it to a later job."""
        with gdal_session():
            self._dataset = None

    def finish(self) -> None:
        """Flush, open again and check; the file keeps its temporary name until ``commit``.

        Raises:
            RasterError: the file is incomplete, such as on a full disk. What was there
                before is still there.
        """
        if self._finished:
            return
        try:
            with gdal_session():
                self._dataset.FlushCache()
                self._dataset = None
                with self._temporary.open("r+b") as file:
                    os.fsync(file.fileno())
                self._check()
            if self._qml:
                side_file(self._temporary, ".qml").write_text(self._qml, encoding="utf-8")
        except (RuntimeError, OSError) as error:
            self.discard()
            raise self._failed(error) from error
        self._finished = True

    def commit(self) -> None:
        """Finish, and rename over what was there before.

        Raises:
            RasterError: the file is incomplete, such as on a full disk, or cannot be
                renamed. What was there before is still there.
        """
        RasterWriter.commit_all([self])

    @staticmethod
    def commit_all(writers: Sequence[RasterWriter]) -> None:
        """Commit rasters that belong together: all of them get their names, or none.

        Raises:
            RasterError: one of them is incomplete or cannot be renamed. What was there
                before any of them is still there.
        """
        try:
            for writer in writers:
                writer.finish()
            move_into_place([writer.staged for writer in writers])
        finally:
            for writer in writers:
                writer.discard()

    def discard(self) -> None:
        """Remove what was written so far; nothing happens after ``commit``."""
        with gdal_session():
            self._dataset = None
        remove_temporary(self._temporary)

    def _open_again(self) -> bool:
        """Open the unfinished file for writing; tells whether it is what it should be.

        In a file that was opened, and not created, a flush stores where tiles lie in its place.
        """
        self._dataset = None
        with suppress(RuntimeError):
            found = gdal.OpenEx(str(self._temporary), gdal.OF_RASTER | gdal.OF_UPDATE, ["GTiff"])
            shape = (found.RasterCount, found.RasterYSize, found.RasterXSize)
            kind = found.GetRasterBand(1).DataType
            if (*shape, kind) == (*self._shape(), _GDAL_TYPES[self.dtype.name]):
                self._dataset = found
        return self._dataset is not None

    def _shape(self) -> tuple[int, int, int]:
        return self.count, self.grid.height, self.grid.width

    def _create(self, *, sparse: bool) -> Any:
        options = [
            # Else all tiles are written when it is closed, to be opened again at once.
            f"SPARSE_OK={'YES' if sparse else 'NO'}",
            "TILED=YES",
            f"BLOCKXSIZE={TILE}",
            f"BLOCKYSIZE={TILE}",
            "COMPRESS=DEFLATE",
            "BIGTIFF=IF_SAFER",
            "INTERLEAVE=BAND",
            f"PREDICTOR={3 if self.dtype.kind == 'f' else 1}",
            *plain_bands(self.count),
        ]
        driver = gdal.GetDriverByName("GTiff")
        size = (self.grid.width, self.grid.height, self.count)
        kind = _GDAL_TYPES[self.dtype.name]
        return driver.Create(str(self._temporary), *size, kind, options=options)

    def _describe(
        self,
        nodata: float | None,
        descriptions: Sequence[str] | None,
        categories: Sequence[ClassLike] | None,
    ) -> None:
        """Everything but pixels; GDAL wants it before the first of them."""
        dataset = self._dataset
        if self.grid.georeferenced:
            dataset.SetGeoTransform(self.grid.geotransform)
        if self.grid.crs_wkt:
            dataset.SetProjection(self.grid.crs_wkt)
        if self._metadata:
            dataset.SetMetadata(self._metadata, DOMAIN)
        for number in range(1, self.count + 1):
            band = dataset.GetRasterBand(number)
            if nodata is not None:
                band.SetNoDataValue(nodata)
            if descriptions:
                band.SetDescription(descriptions[number - 1])
        if categories:
            set_classes(dataset.GetRasterBand(1), categories, nodata)

    def _check(self) -> None:
        """Open the flushed file and see that every block of it is there."""
        dataset = gdal.Open(str(self._temporary))
        found = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
        if found != self._shape():
            raise RuntimeError(f"it has (bands, rows, columns) {found} after writing")
        if self._metadata != metadata_of(dataset, DOMAIN):
            raise RuntimeError("its metadata were not written")
        check_blocks(self._temporary, self.count)

    def _failed(self, error: Exception) -> RasterError:
        return RasterError(
            f"{self.path} cannot be written: {error}. Check that its disk is not full (it has "
            f"{room_left(self.path)}), or choose another folder. What was there before is "
            "unchanged."
        )


def checksum_of(values: bytes | bytearray | memoryview) -> int:
    """Return a checksum of values as they are written: the planes one after the other."""
    return zlib.crc32(values)


def _check_arguments(
    count: int,
    dtype: str,
    descriptions: Sequence[str] | None,
) -> None:
    if dtype not in _GDAL_TYPES:
        raise ValueError(f"{dtype} cannot be written; expected one of {', '.join(_GDAL_TYPES)}.")
    if descriptions is not None and len(descriptions) != count:
        raise ValueError(f"{len(descriptions)} descriptions for {count} bands.")
