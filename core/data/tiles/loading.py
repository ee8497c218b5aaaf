"""A set of tiles or scenes in memory, as the store that networks learn from."""

from __future__ import annotations

import numpy as np

from ...errors import ChipSetError
from ...progress import Portion, Progress
from ...raster.values import valid_pixels
from ..chip_files import read_chip
from ..chip_format import ChipSetInfo
from ..pixel_room import room_for_pixels
from ..pixel_store import IntArray, PixelStore, check_unchanged
from ..separation import TRAIN
from .pixels import TilePixels, labelled_pixels, read_tile_pixels
from .tile_set import STORAGES, TileSet


def load_tiles(
    info: ChipSetInfo, radius: int, *, memory_bytes: int, progress: Progress
) -> PixelStore:
    """Read a set of tiles or scenes into one store.

    Of tiles the labelled pixels are samples whose patch lies inside a tile, each pixel of the
    source once; of scenes the middle of each.

    Args:
        info: the chip set.
        radius: of the patches that will be asked for, in pixels.
        memory_bytes: values beyond this many bytes are kept in a temporary file.
        progress: told how far it is, and what is left out.

    Raises:
        ChipSetError: a file is missing or damaged, labels or values are no longer those of the
            export, or no training sample has its patch inside a tile.
    """
    tiles = info.tiles
    if tiles is None:
        raise ValueError("a chip set without tiles")
    scenes = info.kind == "scenes"
    found = _middles(tiles) if scenes else read_tile_pixels(info, Portion(progress, 0.0, 0.3))
    store = _filled(info, tiles, found, memory_bytes, Portion(progress, 0.3, 1.0))
    _check(info, store, tiles)
    if scenes:
        return store
    inside = found.depth >= radius
    training = store.split == TRAIN
    if not (inside & training).any():
        deepest = int(found.depth[training].max(initial=0))
        raise ChipSetError(
            f"The network looks {radius} pixels around each pixel, and no training pixel of the "
            f"tiles lies so far from a tile's edge (the deepest: {deepest}). Choose a PATCH_SIZE "
            f"of {2 * deepest + 1} or smaller where the network has one, or export tiles again "
            f"with a TILE_SIZE larger than {2 * radius + 1}, or a smaller STRIDE."
        )
    lost = int((~inside).sum())
    if lost:
        progress.log(
            f"{lost:,} of {len(found):,} labelled pixels lie nearer than {radius} pixels to the "
            "edge of their tile and are left out: their patches would leave it."
        )
    return store.part(np.flatnonzero(inside), radius)


def training_labels(
    info: ChipSetInfo, store: PixelStore, progress: Progress
) -> tuple[IntArray, IntArray]:
    """Return where in the store of a set of tiles the labelled pixels of training tiles lie.

    A pixel that is validated or tested elsewhere is left out.

    Args:
        info: the chip set.
        store: its pixels.
        progress: asked for cancelling.

    Returns:
        ``(n,)`` positions and ``(n,)`` classes, 1..classes.

    Raises:
        ChipSetError: a label file is missing or damaged.
    """
    if info.tiles is None:
        raise ValueError("a chip set without tiles")
    elsewhere = store.split != TRAIN
    others = store.row[elsewhere].astype(np.int64) * 2**31 + store.col[elsewhere]
    found, area = [], info.tiles.size**2
    for number, tile in enumerate(info.tiles.tiles):
        progress.check_cancel()
        if tile.code == TRAIN:
            pixels = labelled_pixels(info, number)
            keys = pixels.row.astype(np.int64) * 2**31 + pixels.col
            own = ~np.isin(keys, others)
            found.append((number * area + pixels.flat[own], pixels.label[own]))
    index, label = (np.concatenate(column) for column in zip(*found))
    return index.astype(np.int64), label.astype(np.int64)


def _middles(tiles: TileSet) -> TilePixels:
    """Return the pixel in the middle of every scene, with the scene's class."""
    count, middle = len(tiles.tiles), tiles.size // 2 * (tiles.size + 1)
    where = np.array([tile.place.middle for tile in tiles.tiles], dtype=np.int32)
    return TilePixels(
        np.arange(count, dtype=np.int32),
        np.full(count, middle, dtype=np.int32),
        where[:, 0],
        where[:, 1],
        np.array([tile.value for tile in tiles.tiles], dtype=np.uint16),
        np.full(count, (tiles.size - 1) // 2, dtype=np.int32),
    )


def _filled(
    info: ChipSetInfo, tiles: TileSet, found: TilePixels, memory_bytes: int, progress: Progress
) -> PixelStore:
    """Read the images."""
    area, size, bands = tiles.size**2, tiles.size, len(info.bands)
    total = area * len(tiles.tiles)
    values = room_for_pixels(total, bands, info.dtype, memory_bytes)
    valid = np.zeros(total, dtype=bool)
    driver = STORAGES[tiles.storage][0]
    for number, tile in enumerate(tiles.tiles):
        progress.check_cancel()
        own = slice(number * area, (number + 1) * area)
        shape = (size, size, bands)
        pixels, mask = read_chip(info.folder / tile.image, info.dtype, shape, driver)
        values[own] = pixels.reshape(-1, bands)
        valid[own] = valid_pixels(pixels, info.bands, mask).reshape(-1)
        progress.report((number + 1) / len(tiles.tiles), "")
    codes = np.array([tile.code for tile in tiles.tiles], dtype=np.uint8)
    groups = np.array([tile.group for tile in tiles.tiles], dtype=np.int32)
    return PixelStore(
        values=values,
        valid=valid,
        scale=np.array([band.scale for band in info.bands], dtype=np.float32),
        offset=np.array([band.offset for band in info.bands], dtype=np.float32),
        nodata=tuple(band.nodata for band in info.bands),
        halo=info.halo,
        index=found.tile.astype(np.int64) * area + found.flat,
        stride=np.full(len(found), size, dtype=np.int64),
        label=found.label,
        split=codes[found.tile],
        group=groups[found.tile],
        row=found.row,
        col=found.col,
    )


def _check(info: ChipSetInfo, store: PixelStore, tiles: TileSet) -> None:
    """Check that labels, split and values are those that were exported.

    Raises:
        ChipSetError: where they are not.
    """
    index = np.arange(len(store.values)) if info.kind == "scenes" else store.index
    if tiles.storage == "jpeg":  # what comes out of a JPEG differs from decoder to decoder
        index = index[:0]
    check_unchanged(info, store, index, "tiles")
