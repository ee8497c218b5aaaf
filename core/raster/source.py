"""Reading rasters: any file GDAL opens, a window at a time, in physical values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from osgeo import gdal

from ..errors import RasterError, reason
from .bands import read_bands
from .gdal_session import gdal_session, read_pixels
from .gdal_text import DOMAIN, metadata_of
from .grid import grid_of
from .opening import alpha_band, damage_named, data_type, open_dataset, short_name
from .values import BoolArray, FloatArray, RawArray, missing, physical
from .windows import Window, inside, reflect_index, tiles


class RasterBlock(NamedTuple):
    """A window's values.

    Attributes:
        values: ``(bands, height, width)`` float32, physical units. 0 where the pixel is
            invalid; NaN where a valid pixel misses a single band.
        valid: ``(height, width)``.
    """

    values: FloatArray
    valid: BoolArray


class RasterSource:
    """An open raster.

    Anything GDAL opens: files, subdatasets (``NETCDF:"a.nc":reflectance``), ``/vsi`` paths.
    One object must not be used by two threads at once.

    Attributes:
        path: what was opened.
        name: its short name for messages.
        grid: where its pixels lie.
        bands: its bands in file order.
        dtype: type of the raw values (the widest, where bands differ).
        interleave: ``PIXEL``, ``LINE`` or ``BAND``.
        block_shape: rows and columns of the file's own blocks.
        alpha: number of the transparency band, 0 where there is none.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a raster.

        Args:
            path: a file, subdataset name or ``/vsi`` path.

        Raises:
            RasterError: it cannot be opened, holds complex numbers, has no bands of its
                own, or no usable geotransform.
        """
        self.path = str(path)
        self.name = short_name(self.path)
        with gdal_session():
            self._dataset: Any = open_dataset(self.path, self.name)
            with damage_named(self.name):
                self._read_facts()

    def _read_facts(self) -> None:
        """Read everything but the pixels."""
        self.grid = grid_of(self._dataset, self.name)
        self.bands = read_bands(self._dataset, self.name)
        self.dtype, self._gdal_type = data_type(self._dataset, self.name)
        structure = metadata_of(self._dataset, "IMAGE_STRUCTURE")
        self.interleave = structure.get("INTERLEAVE", "BAND").upper()
        first = self._dataset.GetRasterBand(1)
        width, height = first.GetBlockSize()
        self.block_shape = (min(height, self.grid.height), min(width, self.grid.width))
        self.has_mask = bool(first.GetMaskFlags() & gdal.GMF_PER_DATASET)
        self.alpha = alpha_band(self._dataset)

    def __enter__(self) -> RasterSource:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def files(self) -> tuple[str, ...]:
        """Return the files it consists of, as GDAL names them: masks and parts of a VRT as well."""
        with gdal_session():
            return tuple(self._dataset.GetFileList() or ())

    def noted(self, item: str) -> str:
        """Return what a raster of ours notes of itself under a name; empty where nothing is."""
        with gdal_session(), damage_named(self.name):
            return metadata_of(self._dataset, DOMAIN).get(item, "")

    def close(self) -> None:
        """Close the file; reading is over."""
        self._dataset = None

    def read(
        self, window: Window, positions: Sequence[int], *, invalid_when: str = "all"
    ) -> RasterBlock:
        """Read a window in physical values.

        Args:
            window: inside the raster.
            positions: which of ``bands``, in the order wanted.
            invalid_when: a pixel is invalid where ``all`` these bands are missing, or
                where ``any`` of them is.

        Raises:
            RasterError: the file cannot be read there.
            ValueError: the window leaves the raster, or ``invalid_when`` is another word.
        """
        return self.convert(*self.read_array(window, positions), positions, invalid_when)

    def convert(
        self,
        raw: RawArray,
        mask: BoolArray | None,
        positions: Sequence[int],
        invalid_when: str = "all",
    ) -> RasterBlock:
        """Return the physical values of what ``read_array`` read, or of some rows of it.

        Args:
            raw: ``(bands, height, width)`` of the file's values.
            mask: ``(height, width)``, the file's own, if it has one.
            positions: of the bands in ``bands``.
            invalid_when: see ``read``.
        """
        values = np.empty(raw.shape, np.float32)
        count = _MissingCount(raw.shape[1:], invalid_when)
        for plane, position in enumerate(positions):
            band = self.bands[position]
            with np.errstate(invalid="ignore", over="ignore"):
                physical(raw[plane], band, values[plane])
            gone = missing(raw[plane], band)
            if gone is not None:
                values[plane][gone] = np.nan
            count.add(gone)
        valid = count.valid(mask)
        if not valid.all():
            values[:, ~valid] = 0.0
        return RasterBlock(values, valid)

    def read_raw(
        self, window: Window, positions: Sequence[int], *, invalid_when: str = "all"
    ) -> tuple[RawArray, BoolArray]:
        """Read a window as the file has it, and which of its pixels are valid.

        Returns:
            ``(bands, height, width)`` of ``dtype``, nodata values included, and
            ``(height, width)``.

        Raises:
            RasterError: the file cannot be read there.
            ValueError: see ``read``.
        """
        raw, mask = self.read_array(window, positions)
        count = _MissingCount(raw.shape[1:], invalid_when)
        for plane, position in enumerate(positions):
            count.add(missing(raw[plane], self.bands[position]))
        return raw, count.valid(mask)

    def read_reflected(
        self, window: Window, positions: Sequence[int], *, invalid_when: str = "all"
    ) -> RasterBlock:
        """Read a window that may leave the raster; pixels beyond an edge are mirrored.

        See ``read`` and ``windows.reflect_index``.
        """
        if inside(window, self.grid.height, self.grid.width):
            return self.read(window, positions, invalid_when=invalid_when)
        rows = reflect_index(window.row, window.row + window.height, self.grid.height)
        cols = reflect_index(window.col, window.col + window.width, self.grid.width)
        top, left = int(rows.min()), int(cols.min())
        core = Window(top, left, int(rows.max()) - top + 1, int(cols.max()) - left + 1)
        block = self.read(core, positions, invalid_when=invalid_when)
        picked = np.ix_(rows - top, cols - left)
        return RasterBlock(
            np.ascontiguousarray(block.values[:, picked[0], picked[1]]), block.valid[picked]
        )

    def read_array(
        self, window: Window, positions: Sequence[int]
    ) -> tuple[RawArray, BoolArray | None]:
        """Read raw values ``(bands, height, width)`` and the file's own mask, if it has one.

        All bands come in one request: on pixel-interleaved files each block is then
        decoded once, not once a band.
        """
        if not inside(window, self.grid.height, self.grid.width):
            raise ValueError(f"{window} leaves {self.name} ({self.grid.describe()}).")
        if not positions:
            raise ValueError("No bands to read.")
        numbers = [self.bands[position].index for position in positions]
        area = (window.col, window.row, window.width, window.height)
        mask = None
        with gdal_session():
            try:
                data = read_pixels(
                    self._dataset, *area, buf_type=self._gdal_type, band_list=numbers
                )
                if self.has_mask:
                    band = self._dataset.GetRasterBand(numbers[0]).GetMaskBand()
                    mask = read_pixels(band, *area, buf_type=gdal.GDT_Byte)
            except RuntimeError as error:
                raise RasterError(
                    f"{self.name} cannot be read at rows {window.row}-"
                    f"{window.row + window.height - 1}: {reason(error)}. The file may be damaged "
                    "or incomplete; copy it again."
                ) from error
        raw = np.frombuffer(data, self.dtype)
        raw = raw.reshape(len(numbers), window.height, window.width)
        if mask is None:
            return raw, None
        return raw, np.frombuffer(mask, np.uint8).reshape(raw.shape[1:]) != 0

    def blocks(self, bands: int, memory_bytes: int) -> Iterator[Window]:
        """Cover the raster with windows of whole file blocks that fit a memory budget.

        Args:
            bands: how many bands will be read at once.
            memory_bytes: for a window's raw and physical values together. A file block
                that is larger is divided.

        Yields:
            Windows, row by row.
        """
        height, width = self.blocks_shape(bands, memory_bytes)
        return tiles(self.grid.height, self.grid.width, height, width)

    def blocks_shape(self, bands: int, memory_bytes: int) -> tuple[int, int]:
        """Rows and columns of the windows that ``blocks`` yields."""
        pixels = max(memory_bytes // (bands * (self.dtype.itemsize + 5)), 1)
        rows, cols = self.block_shape
        if rows * cols > pixels:
            cols = min(cols, pixels)
            return max(pixels // cols, 1), cols
        cols = min(max(pixels // (rows * cols), 1) * cols, self.grid.width)
        rows = min(max(pixels // (rows * cols), 1) * rows, self.grid.height)
        return rows, cols


class _MissingCount:
    """Gathers the missing values of band after band into one verdict a pixel."""

    def __init__(self, shape: tuple[int, ...], invalid_when: str) -> None:
        if invalid_when not in ("all", "any"):
            raise ValueError(f"invalid_when is {invalid_when!r}; expected 'all' or 'any'.")
        self._every = invalid_when == "all"
        self._gone: BoolArray = np.full(shape, self._every)

    def add(self, gone: BoolArray | None) -> None:
        """Take in one band; None: nothing is missing."""
        if self._every:
            self._gone &= False if gone is None else gone
        elif gone is not None:
            self._gone |= gone

    def valid(self, mask: BoolArray | None) -> BoolArray:
        """The valid pixels, given the file's own mask."""
        return ~self._gone if mask is None else ~self._gone & mask
