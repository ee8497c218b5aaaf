"""The chip set's format: what ``chips.json`` says; ``chip_index`` reads and checks it.

A chip set is a folder::

    chips.json        everything below
    images/NAME.tif   image values in the source's data type, halo included
    labels/NAME.tif   1..k where this chip holds the label (position in the classes), else 0
    groups/NAME.tif   two bands: split code, and block or polygon id, of those pixels

    images/, labels/ and others of tiles and scenes, see ``tiles.layouts.paths``

    windows.csv       a line for each window: place, split, group, class
    windows.tif       the windows, on top of each other (``windows.geotiff``); or windows.h5,
                      spectra.svm, or spectra.csv, which is its own table

A labelled pixel is a label in one chip, or the middle of one window. Around it the image goes
on for HALO pixels: in a chip to the raster's edge at the most, in a window mirrored beyond.
A set may have chips, windows, or both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..raster.bands import Band
from ..raster.grid import Grid
from ..raster.windows import Window
from ..reduction.transform import Transform
from .classes import ClassInfo
from .leakage import Leak
from .separation import SPLIT_NAMES
from .tiles.tile_set import TileSet
from .windows.files import StoredStack
from .windows.stack import StackShape

FORMAT = "hsicnn chip set"
FORMAT_VERSION = 2  # 2: windows, kinds
MOST_CHIP_BYTES = 1 << 30  # of a chip's values with its halo: a chip is held in memory whole
INDEX = "chips.json"
IMAGES, LABELS, GROUPS = FOLDERS = ("images", "labels", "groups")


@dataclass(frozen=True)
class Chip:
    """One chip.

    Attributes:
        name: of its three files, without ``.tif``.
        window: the pixels of the source that its files hold.
        box: the pixels of the source that it may hold labels of; ``window`` is this with
            the halo, cut at the raster's edges.
        counts: labelled pixels by the name of the split.
    """

    name: str
    window: Window
    box: Window
    counts: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "window": list(self.window),
            "box": list(self.box),
            "counts": dict(self.counts),
        }


@dataclass(frozen=True)
class WindowStack:
    """Windows in one file.

    Attributes:
        storage: one of ``windows.files.FILES``.
        side: of a window in pixels.
        count: how many.
    """

    storage: str
    side: int
    count: int

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"storage": self.storage, "side": self.side, "count": self.count}


@dataclass(frozen=True)
class ChipSetInfo:
    """Everything about a chip set but its pixels.

    Attributes:
        folder: where it is.
        format_version: of its format.
        source_name: file name of the raster it was cut from.
        source_path: where that was.
        source_bands: how many bands it had.
        grid: its grid.
        dtype: numpy name of the values in the image chips.
        bands: the bands used, in the order of the chips; ``index`` is the source's.
        classes: value ``v`` in a label chip is ``classes[v - 1]``.
        chip_size: largest side of a chip's box in pixels.
        halo: pixels around a box.
        split_method: ``blocks``, ``random``, ``polygons``, ``field`` or ``raster``.
        block_size: of the split, in pixels; 0 where it has no blocks.
        buffer: of the split, in pixels.
        seed: of the split.
        counts: labelled pixels of each class, by the name of the split.
        leak: overlap of test and training patches for every radius 0..halo.
        location_only: share of test pixels that location alone gets right; None where
            nothing is tested.
        notes: what the user was told at the export.
        hash: of labelled pixels, split, bands, classes and the values there; the same
            whatever the chip size and the halo.
        chips: all chips.
        windows: the stack of windows; None where there is none.
        kind: ``pixels``: a label belongs to a pixel of a chip or a window; ``tiles``: to a pixel
            of a tile; ``scenes``: to a whole window or tile.
        placed: whether samples have a place on a raster. Where they have not, ``grid`` is one
            column with a row a window.
        reduction: what made the raster of the bands of an original image, where that is known.
        tiles: tiles, or scenes in a file each; None where there are none.
    """

    folder: Path
    format_version: int
    source_name: str
    source_path: str
    source_bands: int
    grid: Grid
    dtype: str
    bands: tuple[Band, ...]
    classes: tuple[ClassInfo, ...]
    chip_size: int
    halo: int
    split_method: str
    block_size: int
    buffer: int
    seed: int
    counts: Mapping[str, list[int]]
    leak: tuple[Leak, ...]
    location_only: float | None
    notes: tuple[str, ...]
    hash: str
    chips: tuple[Chip, ...]
    windows: WindowStack | None = None
    kind: str = "pixels"
    placed: bool = True
    reduction: Transform | None = None
    tiles: TileSet | None = None

    @property
    def split_hash(self) -> str:
        """The same as ``hash``: the name it has in model files."""
        return self.hash

    def leak_at(self, radius: int) -> Leak | None:
        """Return the leak for patches of a radius; nothing where it was not worked out."""
        return next((leak for leak in self.leak if leak.radius == radius), None)

    def margin_at(self, radius: int) -> int:
        """Return how many pixels are stored around every patch of a radius: tiles have no halo."""
        return 0 if self.kind == "tiles" else self.halo - radius

    def path(self, kind: str, chip: Chip) -> Path:
        """Return the file of a chip in ``images``, ``labels`` or ``groups``."""
        return self.folder / kind / f"{chip.name}.tif"

    def stack(self) -> StoredStack | None:
        """Return the stack of windows, ready to be read; nothing where there is none."""
        if self.windows is None:
            return None
        shape = StackShape(
            self.windows.count,
            self.windows.side,
            self.dtype,
            self.bands,
            self.classes,
            self.grid if self.placed else None,
        )
        return StoredStack(self.folder, self.windows.storage, shape)

    def to_json(self) -> dict[str, Any]:
        """Return what ``chips.json`` holds."""
        return {
            "format": FORMAT,
            "format_version": self.format_version,
            "kind": self.kind,
            "placed": self.placed,
            "source": {
                "name": self.source_name,
                "path": self.source_path,
                "bands": self.source_bands,
                "grid": self.grid.to_json(),
            },
            "dtype": self.dtype,
            "bands": [band.to_json() for band in self.bands],
            "classes": [
                {"value": value, **item.to_json()} for value, item in enumerate(self.classes, 1)
            ],
            "chip_size": self.chip_size,
            "halo": self.halo,
            "split": {
                "method": self.split_method,
                "block_size": self.block_size,
                "buffer": self.buffer,
                "seed": self.seed,
                "codes": {name: code for code, name in enumerate(SPLIT_NAMES)},
            },
            "counts": {name: list(counts) for name, counts in self.counts.items()},
            "leak": [leak.to_json() for leak in self.leak],
            "location_only": self.location_only,
            "notes": list(self.notes),
            "hash": self.hash,
            "windows": self.windows and self.windows.to_json(),
            "tiles": self.tiles and self.tiles.to_json(),
            "chips": [chip.to_json() for chip in self.chips],
            **({"reduction": self.reduction.to_json()} if self.reduction else {}),
        }
