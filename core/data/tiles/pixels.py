"""The labelled pixels of tiles: each pixel of the source once, from where it lies most central."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...errors import ChipSetError
from ...progress import Progress
from ..chip_files import read_chip
from ..chip_format import ChipSetInfo
from .place import TilePlace, depths

IntArray = npt.NDArray[np.int64]

_LEAST = 1 << 18  # pixels that are worth sorting


@dataclass(frozen=True, eq=False)
class TilePixels:
    """Labelled pixels of tiles.

    Attributes:
        tile: ``(n,)`` int32 number of the tile.
        flat: ``(n,)`` int32 position in it, row-major.
        row: ``(n,)`` int32 in the source.
        col: ``(n,)`` int32 in the source.
        label: ``(n,)`` uint16, 1..classes.
        depth: ``(n,)`` int32 pixels from it to the tile's edge.
    """

    tile: npt.NDArray[np.int32]
    flat: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    col: npt.NDArray[np.int32]
    label: npt.NDArray[np.uint16]
    depth: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.tile)

    def take(self, which: IntArray) -> TilePixels:
        """Return some of them."""
        return TilePixels(
            self.tile[which], self.flat[which], self.row[which], self.col[which],
            self.label[which], self.depth[which],
        )  # fmt: skip

    def each_once(self) -> TilePixels:
        """Keep every pixel of the source once, sorted by tile and position.

        It stays where it lies deepest inside, so that large patches fit around it; of equals in
        the first tile, which is not a turned one.
        """
        key = self.row.astype(np.int64) * 2**31 + self.col
        order = np.lexsort((self.tile, -self.depth, key))
        first = np.diff(key[order], prepend=-1) != 0
        return self.take(np.sort(order[first]))


class EachOnce:
    """Gathers the pixels of tiles, each of the source once, as ``TilePixels.each_once`` does.

    Tiles that overlap and turned copies hold a pixel many times: what lost is let go on the way,
    so that memory follows the pixels and not the tiles.
    """

    def __init__(self) -> None:
        none = np.zeros(0, dtype=np.int32)
        self._kept = TilePixels(none, none, none, none, none.astype(np.uint16), none)
        self._waiting: list[TilePixels] = []
        self._count = 0

    def add(self, pixels: TilePixels) -> None:
        """Take the pixels of the next tile."""
        self._waiting.append(pixels)
        self._count += len(pixels)
        # Sorting takes as long for few pixels as for those that are kept: wait for some more.
        if self._count >= max(_LEAST, len(self._kept) // 2):
            self._settle()

    def result(self) -> TilePixels:
        """Return the pixels of all tiles, sorted by tile and position."""
        self._settle()
        return self._kept

    def _settle(self) -> None:
        # In the order of the tiles: of equals the first stays.
        together = joined([self._kept, *self._waiting])
        self._waiting, self._count = [], 0
        self._kept = together.each_once()


def pixels_of(
    number: int, place: TilePlace, flat: IntArray, label: npt.NDArray[np.uint16]
) -> TilePixels:
    """Return the labelled pixels of one tile.

    Args:
        number: of the tile.
        place: where it lies.
        flat: ``(n,)`` positions in it.
        label: ``(n,)``.
    """
    rows, cols = place.pixels()
    return TilePixels(
        np.full(len(flat), number, dtype=np.int32),
        flat.astype(np.int32),
        rows.reshape(-1)[flat].astype(np.int32),
        cols.reshape(-1)[flat].astype(np.int32),
        label,
        depths(place.size).reshape(-1)[flat],
    )


def joined(parts: list[TilePixels]) -> TilePixels:
    """Return the pixels of several tiles as one."""
    names = ("tile", "flat", "row", "col", "label", "depth")
    return TilePixels(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def read_tile_pixels(info: ChipSetInfo, progress: Progress) -> TilePixels:
    """Read the label files of a set of tiles; every pixel of the source once.

    Raises:
        ChipSetError: one is missing, damaged, or holds what cannot be.
    """
    if info.tiles is None:
        raise ValueError("a chip set without tiles")
    found, count = EachOnce(), len(info.tiles.tiles)
    for number in range(count):
        progress.check_cancel()
        found.add(labelled_pixels(info, number))
        progress.report((number + 1) / count, "")
    return found.result()


def labelled_pixels(info: ChipSetInfo, number: int) -> TilePixels:
    """Read the labelled pixels of one tile.

    Raises:
        ChipSetError: its label file is missing, damaged, or holds what cannot be.
    """
    if info.tiles is None:
        raise ValueError("a chip set without tiles")
    dtype = "uint8" if len(info.classes) < 256 else "uint16"
    tile, size = info.tiles.tiles[number], info.tiles.size
    label, _ = read_chip(info.folder / tile.label, dtype, (size, size, 1))
    flat = np.flatnonzero(label)
    values = label.reshape(-1)[flat].astype(np.uint16)
    if len(values) and int(values.max()) > len(info.classes):
        raise ChipSetError(
            f"The label file {tile.label} holds the value {int(values.max())}; there are "
            f"{len(info.classes)} classes. Export the chips again."
        )
    return pixels_of(number, tile.place, flat, values)
