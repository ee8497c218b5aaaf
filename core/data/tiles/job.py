"""What an export of tiles writes: the tiles, their labels, and what is read for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...raster.bands import Band
from ...raster.source import RasterSource
from ..classes import ClassInfo
from .labelling import Labelling
from .pixels import TilePixels
from .place import TilePlace
from .settings import SHOWN, TileSettings
from .stretch import Stretch

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class PlannedTile:
    """A tile to be written.

    Attributes:
        place: where it lies.
        code: of its split.
        group: block, polygon or group that it was divided by.
        value: class of a scene; 0 of a tile.
    """

    place: TilePlace
    code: int
    group: int
    value: int


@dataclass(frozen=True, eq=False)
class TileJob:
    """What is written.

    Attributes:
        source: the raster.
        bands: of it, in the order of the files.
        stretch: to 8 bits; None for the source's own values.
        labelling: labels of the tiles.
        classes: label ``v`` of the labelling is ``classes[classes_of[v] - 1]``.
        classes_of: ``(k + 1,)`` uint16 new values of the labelling's classes; 0 for none.
        planned: the tiles.
        own: the labelled pixels, each once; of scenes none.
        settings: how tiles are cut.
        storage: format of the files.
    """

    source: RasterSource
    bands: Sequence[Band]
    stretch: Stretch | None
    labelling: Labelling
    classes: tuple[ClassInfo, ...]
    classes_of: npt.NDArray[np.uint16]
    planned: Sequence[PlannedTile]
    own: TilePixels | None
    settings: TileSettings
    storage: str

    @property
    def nothing(self) -> int:
        """What stands for missing values in 8 bits: a JPEG cannot keep a value apart."""
        return 1 if self.storage == "jpeg" else 0

    @property
    def written_bands(self) -> tuple[Band, ...]:
        """The bands as they are in the files."""
        if self.stretch is None:
            return tuple(self.bands)
        return self.stretch.bands(self.bands, self.nothing)

    @property
    def dtype(self) -> str:
        """Name of the type of the files' values."""
        return "uint8" if self.storage in SHOWN else self.source.dtype.name

    def read(self, place: TilePlace) -> tuple[npt.NDArray[Any], BoolArray]:
        """Return ``(size, size, bands)`` values as they are written, and which are valid."""
        reach = place.reach()
        raw, valid = self.source.read_raw(reach, [band.index - 1 for band in self.bands])
        pixels = np.moveaxis(raw, 0, -1)
        if place.angle:
            rows, cols = place.pixels()
            rows, cols = rows - reach.row, cols - reach.col
            pixels, valid = pixels[rows, cols], valid[rows, cols]
        if self.stretch is not None:
            pixels = self.stretch.apply(pixels, self.bands, self.nothing)
            pixels[~valid] = self.nothing
        return np.ascontiguousarray(pixels), valid

    def value_of(self, planned: PlannedTile) -> int:
        """Return the class of a scene as it is written; 0 of a tile."""
        return int(self.classes_of[planned.value]) if self.settings.kind == "scenes" else 0
