"""A class map as the assessment sees it: its legend, its pixels, where its model came from."""

from __future__ import annotations

import base64
import math
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
from osgeo import gdal, osr

from ..data.classes import ClassInfo, palette
from ..data.label_pixels import MOST_LABELS
from ..data.label_styles import beside, merged, of_band
from ..errors import RasterError, reason
from ..raster.gdal_session import gdal_session
from ..raster.gdal_text import DOMAIN, metadata_of
from ..raster.grid import Grid
from ..raster.opening import damage_named
from ..raster.source import RasterSource
from ..raster.windows import Window
from ..stored_json import read_json

LARGEST = 2**31  # of codes
BLOCK_BYTES = 32 * 1024 * 1024
_CODE = re.compile("-?[0-9]{1,18}")  # whole numbers of 64 bits
NOTHING = {"unclassified", "unlabelled", "unlabeled", "no data", "nodata"}

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrainingPixels:
    """Where a map's model was trained: rows and columns ``(n,)`` of a grid."""

    rows: npt.NDArray[np.int32]
    cols: npt.NDArray[np.int32]
    grid: Grid


class ClassMap:
    """A class map that is open for reading.

    Args:
        path: a raster of one band with whole numbers.

    Raises:
        RasterError: it cannot be opened, or is no class map.
    """

    def __init__(self, path: str | Path) -> None:
        self._source = RasterSource(path)
        self.name = self._source.name
        self.path = self._source.path
        self.grid = self._source.grid
        if len(self._source.bands) != 1:
            raise RasterError(
                f"{self.name} has {len(self._source.bands)} bands; a class map has one, with a "
                "class code in every pixel. Choose the OUTPUT of 'Classify raster', not the "
                "image or the probabilities."
            )
        self.nodata = self._source.bands[0].nodata
        with gdal_session(), damage_named(self.name):
            dataset = gdal.Open(self.path)
            # GDAL 3.6 reads category names from the side file only after such a call.
            self.metadata: Mapping[str, str] = metadata_of(dataset, DOMAIN)
            styles = merged(beside(self.path), of_band(dataset.GetRasterBand(1)))
        self._styles = {style.value: style for style in styles}

    def __enter__(self) -> ClassMap:
        """Use the map."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._source.close()

    def windows(self) -> Iterator[Window]:
        """Cover the map with windows that take little memory."""
        return self._source.blocks(1, BLOCK_BYTES)

    def read(self, window: Window) -> tuple[Codes, npt.NDArray[np.bool_]]:
        """Return codes and where there is one (not nodata), ``(height, width)`` each.

        Raises:
            RasterError: the file is damaged, or holds numbers that are no class codes.
        """
        raw, valid = self._source.read_raw(window, [0])
        values = raw[0]
        if values.dtype.kind == "f":
            whole = np.where(valid, values, 0)
            wrong = whole[(whole != np.rint(whole)) | (np.abs(whole) >= LARGEST)]
            if wrong.size:
                what = "fractions" if wrong[0] != np.rint(wrong[0]) else "numbers"
                raise RasterError(
                    f"{self.name} holds {what} such as {wrong[0]:g}; a class map holds whole class "
                    "codes. Choose the class map."
                )
            values = whole
        codes = values.astype(np.int64)
        if self._zero_is_nothing():
            valid = valid & (codes != 0)
        return codes, valid

    def legend(self, codes: npt.NDArray[np.int64]) -> tuple[ClassInfo, ...]:
        """Return the classes: those the map names and those of ``codes`` that are in it."""
        named = {
            int(value) for value, style in self._styles.items() if style.name and _whole(value)
        }
        if self.nodata is not None and math.isfinite(self.nodata):
            named.discard(int(self.nodata))
        if self._zero_is_nothing():
            named.discard(0)
        wanted = sorted(named | {int(code) for code in codes})
        spare = palette(len(wanted))
        found = []
        for place, code in enumerate(wanted):
            style = self._styles.get(str(code))
            name, color = (style.name, style.color) if style else ("", "")
            found.append(ClassInfo(code, name, color or spare[place]))
        return tuple(found)

    def _zero_is_nothing(self) -> bool:
        """Whether 0 means no class in a map without a nodata value: it has no name, or such one."""
        if self.nodata is not None:
            return False
        style = self._styles.get("0")
        return style is None or not style.name or style.name.casefold() in NOTHING

    def training_pixels(self) -> TrainingPixels | None:
        """Return where the map's model was trained; None where the map does not say.

        Raises:
            RasterError: the map's metadata are damaged.
        """
        packed, grid = self.metadata.get("TRAINING_PIXELS"), self.metadata.get("TRAINING_GRID")
        if not packed or not grid:
            return None
        try:
            place = Grid.from_json(read_json(grid))
            rows, cols = _unpacked(packed, place.height * place.width)
            return TrainingPixels(rows, cols, place)
        except (ValueError, zlib.error, RasterError) as error:
            raise RasterError(
                f"{self.name} says where its model was trained, but that part is damaged "
                f"({reason(error)}). Classify again, or remove the HSICNN metadata."
            ) from error

    def pixel_hectares(self) -> float | None:
        """Return the area of a pixel in hectares; None where the CRS is not in metres or feet."""
        if not self.grid.crs_wkt:
            return None
        with gdal_session():
            reference = osr.SpatialReference(self.grid.crs_wkt)
            if not reference.IsProjected():
                return None
            metres = float(reference.GetLinearUnits())
        across, down = self.grid.pixel_size
        return across * down * metres * metres / 10_000.0


def _unpacked(packed: str, pixels: int) -> npt.NDArray[np.int32]:
    """Rows and columns ``(2, n)`` of at most as many pixels as there are.

    Raises:
        ValueError, zlib.error: they are something else.
    """
    most = 8 * min(pixels, MOST_LABELS)
    data = zlib.decompressobj().decompress(base64.b64decode(packed), most + 1)
    if len(data) > most:
        raise ValueError("it holds more pixels than the raster")
    return np.frombuffer(data, np.dtype("<i4")).reshape(2, -1)


def _whole(text: str) -> bool:
    return _CODE.fullmatch(text) is not None
