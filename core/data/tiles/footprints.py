"""Outlines of tiles and scenes as a vector layer, turned ones as turned squares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from osgeo import ogr

from ...progress import Progress
from ..chip_format import ChipSetInfo
from ..classes import ClassInfo
from ..extents import outline
from ..footprints import class_fields, write_outlines
from ..separation import SPLIT_NAMES
from ..windows.files import FILES
from .place import TilePlace
from .tile_set import Tile

_TEXTS = ("chip", "image", "split", "class")


def write_tile_footprints(
    staged: tuple[Path, Path], tiles: Sequence[Tile], info: ChipSetInfo, *, progress: Progress
) -> None:
    """Write the outlines of tiles with their files, split, and class or pixels of each class.

    Args:
        staged: the name to write it under, and the final one.
        tiles: in the order of the files.
        info: the chip set.
        progress: asked for cancelling.

    Raises:
        InputError: where it cannot be written.
    """
    scenes = info.kind == "scenes"
    columns = {} if scenes else class_fields(info.classes, "pixels")
    fields = {name: ogr.OFTString for name in _TEXTS if scenes or name != "class"}
    fields |= {"angle": ogr.OFTReal, "labelled": ogr.OFTInteger}
    fields |= dict.fromkeys(columns, ogr.OFTInteger)
    rows = _rows(tiles, info, columns)
    write_outlines(staged, info.grid.crs_wkt, fields, rows, progress=progress)


def _rows(
    tiles: Sequence[Tile], info: ChipSetInfo, columns: dict[str, int]
) -> Iterator[tuple[dict[str, Any], Any]]:
    """Yield the fields and the outline of every tile."""
    for tile in tiles:
        values: dict[str, Any] = {
            "chip": tile.name,
            "image": str(info.folder / tile.image),
            "split": tile.split,
            "angle": tile.place.angle,
            "labelled": tile.place.size**2 if tile.value else sum(tile.counts),
            **{name: tile.counts[at] for name, at in columns.items()},
        }
        if tile.value:
            values["class"] = info.classes[tile.value - 1].name
        yield values, outline(tile.place.grid(info.grid))


def stacked_tiles(
    places: Sequence[TilePlace],
    codes: Sequence[int],
    values: Sequence[int],
    classes: Sequence[ClassInfo],
    storage: str,
) -> list[Tile]:
    """Return scenes that lie in one stack as tiles: for their outlines."""
    return [
        Tile(
            f"window {number}", FILES[storage], "", place, SPLIT_NAMES[code], 0, value,
            tuple(int(at == value) for at in range(1, len(classes) + 1)),
        )
        for number, (place, code, value) in enumerate(zip(places, codes, values))
    ]  # fmt: skip
