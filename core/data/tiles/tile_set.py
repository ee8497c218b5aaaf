"""The records of tiles and scenes in ``chips.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ...stored_json import check_fields, check_items
from ..separation import SPLIT_NAMES
from .place import TilePlace
from .settings import LAYOUTS, SHOWN

#: GDAL's driver and the ending of each format of single files.
STORAGES: Mapping[str, tuple[str, str]] = {
    "geotiff": ("GTiff", ".tif"),
    "png": ("PNG", ".png"),
    "jpeg": ("JPEG", ".jpg"),
}
_SET = {"size": int, "stride": int, "storage": str, "layout": str, "tiles": list}
_TILE = {"name": str, "image": str, "label": str, "row": int, "col": int, "angle": float,
         "split": str, "group": int, "value": int, "counts": list}  # fmt: skip


@dataclass(frozen=True)
class Tile:
    """One tile or scene.

    Attributes:
        name: that it is known by.
        image: its file, from the folder of the chip set on, with ``/``.
        label: the file of its labels, likewise; empty for a scene without one.
        place: where it lies.
        split: name of its split.
        group: block, polygon or group that it was divided by.
        value: of a scene: its class, 1..classes; 0 for a tile.
        counts: labelled pixels of each class; of a scene 1 for its class.
    """

    name: str
    image: str
    label: str
    place: TilePlace
    split: str
    group: int
    value: int
    counts: tuple[int, ...]

    @property
    def code(self) -> int:
        """Its split as a code."""
        return SPLIT_NAMES.index(self.split)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "image": self.image,
            "label": self.label,
            "row": self.place.row,
            "col": self.place.col,
            "angle": self.place.angle,
            "split": self.split,
            "group": self.group,
            "value": self.value,
            "counts": list(self.counts),
        }


@dataclass(frozen=True)
class TileSet:
    """All tiles or scenes of a chip set.

    Attributes:
        size: side of each in pixels.
        stride: pixels from one to the next.
        storage: one of ``STORAGES``.
        layout: one of ``settings.LAYOUTS``.
        stretch: of 8-bit files: its name, and the source's values that became 1 and 255, for
            every band; None where values are the source's own.
        tiles: the tiles.
        files: files that the layout has besides, from the folder on.
    """

    size: int
    stride: int
    storage: str
    layout: str
    stretch: Mapping[str, Any] | None
    tiles: tuple[Tile, ...]
    files: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "size": self.size,
            "stride": self.stride,
            "storage": self.storage,
            "layout": self.layout,
            "stretch": self.stretch,
            "files": list(self.files),
            "tiles": [tile.to_json() for tile in self.tiles],
        }


def parse_tiles(record: Any) -> TileSet | None:
    """Read the record of tiles.

    Raises:
        TypeError, ValueError: it is damaged.
    """
    if record is None:
        return None
    found = check_fields(record, _SET, "its 'tiles'")
    stretch = record.get("stretch")
    if stretch is not None:
        check_fields(stretch, {"method": str, "low": list, "high": list}, "its 'stretch'")
    if found["storage"] not in STORAGES or found["layout"] not in LAYOUTS:
        raise ValueError("its tiles are of an unknown format or layout")
    if not 1 <= found["size"] <= 8192 or not found["tiles"]:
        raise ValueError("its tiles have no size, or there are none")
    if (stretch is None) == (found["storage"] in SHOWN):
        raise ValueError("its tiles have a stretch and more than 8 bits, or the reverse")
    tiles = tuple(_tile(item, found["size"]) for item in found["tiles"])
    files = tuple(_inside(str(name)) for name in record.get("files", ()))
    numbers = (found["size"], found["stride"])
    return TileSet(*numbers, found["storage"], found["layout"], stretch, tiles, files)


def _tile(record: Any, size: int) -> Tile:
    tile = check_fields(record, _TILE, "a tile")
    counts = tuple(check_items(tile["counts"], int, "a tile's counts"))
    if tile["split"] not in SPLIT_NAMES:
        raise ValueError("a tile is of an unknown split")
    return Tile(
        tile["name"],
        _inside(tile["image"]),
        _inside(tile["label"]) if tile["label"] else "",
        TilePlace(tile["row"], tile["col"], size, float(tile["angle"])),
        tile["split"],
        tile["group"],
        tile["value"],
        counts,
    )


def _inside(name: str) -> str:
    """Return a path that stays inside the folder of its chip set."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise ValueError("a tile's file does not lie in the folder")
    return name


def fault_of_tiles(found: TileSet | None, kind: str, height: int, width: int, classes: int) -> str:
    """What is wrong with tiles on a raster; empty where nothing is.

    Args:
        found: the tiles; None where there are none.
        kind: of the chip set.
        height: rows of the raster.
        width: columns of the raster.
        classes: how many there are.
    """
    if found is None:
        return "it is of tiles and has none" if kind == "tiles" else ""
    if kind not in ("tiles", "scenes"):
        return "it has tiles and is of pixels"
    images = [tile.image for tile in found.tiles]
    if len(set(images)) < len(images):
        return "two tiles have one file"
    faults = (_fault_of_tile(tile, kind, (height, width), classes) for tile in found.tiles)
    return next((fault for fault in faults if fault), "")


def _fault_of_tile(tile: Tile, kind: str, shape: tuple[int, int], classes: int) -> str:
    """What is wrong with one; empty where nothing is."""
    reach, scene = tile.place.reach(), kind == "scenes"
    bottom, right = reach.row + reach.height, reach.col + reach.width
    faults = {
        "does not lie in its raster": min(reach.row, reach.col) < 0
        or bottom > shape[0]
        or right > shape[1],
        "has classes that there are not": len(tile.counts) != classes
        or not int(scene) <= tile.value <= classes * scene,
        "has no labels": not scene and not tile.label,
    }
    fault = next((words for words, found in faults.items() if found), "")
    return f"tile {tile.name[:40]} {fault}" if fault else ""
