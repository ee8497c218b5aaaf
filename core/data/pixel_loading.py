"""Reading a chip set into one store of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ChipSetError
from ..progress import Progress
from ..raster.values import valid_pixels
from ..raster.windows import grow, mirrored
from .chip_files import read_chip
from .chip_format import GROUPS, IMAGES, LABELS, Chip, ChipSetInfo
from .pixel_room import room_for_pixels
from .pixel_store import IntArray, PixelStore, check_unchanged
from .separation import TRAIN
from .windows.files import StoredStack
from .windows.stack import WindowSamples


@dataclass(frozen=True, eq=False)
class Rectangles:
    """The rectangles of pixels that a store is made of: chips, tiles, windows.

    Attributes:
        start: ``(n,)`` int64 position in the store of each one's first pixel.
        height: ``(n,)`` int64.
        width: ``(n,)`` int64: from a pixel to the one below.
        rim: pixels at their edges that no labelled pixel lies in.
    """

    start: IntArray
    height: IntArray
    width: IntArray
    rim: int


def rectangles(info: ChipSetInfo) -> Rectangles:
    """Return the rectangles of a chip set's store, in their order."""
    windows = [grow(chip.box, info.halo) for chip in info.chips]
    windows += [tile.place.window for tile in info.tiles.tiles] if info.tiles else []
    stack = info.windows
    stacked = np.full(stack.count if stack else 0, stack.side if stack else 0, dtype=np.int64)
    sides = np.array([(one.height, one.width) for one in windows], dtype=np.int64).reshape(-1, 2)
    height, width = (np.concatenate([column, stacked]) for column in sides.T)
    start = np.concatenate([[0], np.cumsum(height * width)])[:-1].astype(np.int64)
    return Rectangles(start, height, width, 0 if info.kind == "tiles" else info.halo)


def chip_pixels(info: ChipSetInfo) -> list[int]:
    """Return how many pixels each chip or tile takes in a store, and behind them all windows."""
    chips = [grow(chip.box, info.halo).size for chip in info.chips]
    stack = info.windows
    chips += [tile.place.window.size for tile in info.tiles.tiles] if info.tiles else []
    return [*chips, *([stack.count * stack.side**2] if stack else [])]


def load_pixels(
    info: ChipSetInfo, *, memory_bytes: int, progress: Progress, radius: int = 0
) -> PixelStore:
    """Read a chip set into one store.

    Args:
        info: the chip set.
        memory_bytes: values beyond this many bytes are kept in a temporary file.
        progress: told how far it is; asked for cancelling.
        radius: of the patches that will be asked for, in pixels: labels nearer to a tile's edge
            are left out. Chips and windows have a halo for them.

    Raises:
        ChipSetError: where a chip is missing or damaged, or where labels or split are no
            longer those of the export, or where the temporary folder cannot hold the values.
    """
    if info.tiles is not None:
        from .tiles.loading import load_tiles  # it fills this store

        return load_tiles(info, radius, memory_bytes=memory_bytes, progress=progress)
    stack = info.stack()
    # Before the room is taken: a damaged table says so at once.
    told = stack.samples() if stack else None
    sizes = chip_pixels(info)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    total = int(starts[-1])
    values = room_for_pixels(total, len(info.bands), info.dtype, memory_bytes)
    valid = np.zeros(total, dtype=bool)
    samples = []
    for number, chip in enumerate(info.chips):
        progress.check_cancel()
        own = slice(int(starts[number]), int(starts[number + 1]))
        values[own], valid[own] = _whole_chip(info, chip)
        samples.append(_samples(info, chip, own.start))
        progress.report(own.stop / total, "")
    if stack is not None and told is not None:
        first = int(starts[len(info.chips)])
        samples.append(_window_samples(told, stack.shape.side, first))
        _load_windows(stack, values[first:], valid[first:], progress)
    columns = [np.concatenate(column) for column in zip(*samples)]
    index, stride, label, split, group, row, col = columns
    store = PixelStore(
        values=values,
        valid=valid,
        scale=np.array([band.scale for band in info.bands], dtype=np.float32),
        offset=np.array([band.offset for band in info.bands], dtype=np.float32),
        nodata=tuple(band.nodata for band in info.bands),
        halo=info.halo,
        index=index,
        stride=stride,
        label=label,
        split=split,
        group=group,
        row=row,
        col=col,
    )
    _check(info, store)
    return store


def training_pixels(
    info: ChipSetInfo, store: PixelStore, progress: Progress
) -> tuple[IntArray, IntArray]:
    """Return every place in the store where a training pixel lies, and its class.

    In the store's samples each pixel of the source is there once; tiles that overlap and turned
    ones hold it several times, and each of them is a whole tile to learn from.

    Args:
        info: the chip set.
        store: its pixels.
        progress: asked for cancelling.

    Returns:
        ``(n,)`` positions and ``(n,)`` classes, 1..classes.
    """
    training = store.split == TRAIN
    if info.kind == "tiles":
        from .tiles.loading import training_labels

        return training_labels(info, store, progress)
    return store.index[training], store.label[training].astype(np.int64)


def _load_windows(
    stack: StoredStack,
    values: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_],
    progress: Progress,
) -> None:
    """Read the windows of a stack into their rows of a store."""
    done, bands = 0, stack.shape.bands
    for pixels, mask in stack.values():
        progress.check_cancel()
        own = slice(done, done + pixels[..., 0].size)
        flat = pixels.reshape(-1, 1, len(bands))
        values[own] = flat[:, 0]
        valid[own] = valid_pixels(flat, bands, None if mask is None else mask.reshape(-1, 1))[:, 0]
        done = own.stop
        progress.report(done / len(values), "")


def _window_samples(told: WindowSamples, side: int, start: int) -> tuple[npt.NDArray[Any], ...]:
    """Return index, stride, label, split, group, row and col of the windows' middles."""
    middle = side // 2 * (side + 1)
    index = start + middle + side**2 * np.arange(len(told), dtype=np.int64)
    stride = np.full(len(told), side, dtype=np.int64)
    return index, stride, told.label, told.split, told.group, told.row, told.col


def _whole_chip(info: ChipSetInfo, chip: Chip) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Read an image chip and mirror what its halo lacks at the raster's edges.

    Returns:
        ``(pixels, bands)`` and ``(pixels,)``.
    """
    window, bands = chip.window, len(info.bands)
    shape = (window.height, window.width, bands)
    pixels, mask = read_chip(info.path(IMAGES, chip), info.dtype, shape)
    valid = valid_pixels(pixels, info.bands, mask)
    full = grow(chip.box, info.halo)
    if full != window:
        picked = mirrored(full, window, info.grid.height, info.grid.width)
        pixels, valid = pixels[picked], valid[picked]
    return pixels.reshape(-1, bands), valid.reshape(-1)


def _samples(info: ChipSetInfo, chip: Chip, start: int) -> tuple[npt.NDArray[Any], ...]:
    """Return index, stride, label, split, group, row and col of a chip's labelled pixels."""
    shape = (chip.window.height, chip.window.width)
    label_type = "uint8" if len(info.classes) < 256 else "uint16"
    labels, _ = read_chip(info.path(LABELS, chip), label_type, (*shape, 1))
    groups, _ = read_chip(info.path(GROUPS, chip), "int32", (*shape, 2))
    down, right = np.nonzero(labels[..., 0])
    row, col = down + chip.window.row, right + chip.window.col
    full = grow(chip.box, info.halo)
    index = start + (row - full.row).astype(np.int64) * full.width + (col - full.col)
    if len(index) and int(labels.max()) > len(info.classes):
        raise ChipSetError(
            f"The label chip {chip.name} holds the value {int(labels.max())}; there are "
            f"{len(info.classes)} classes. Export the chips again."
        )
    return (
        index,
        np.full(len(index), full.width, dtype=np.int64),
        labels[down, right, 0].astype(np.uint16),
        groups[down, right, 0].astype(np.uint8),
        groups[down, right, 1].astype(np.int32),
        row.astype(np.int32),
        col.astype(np.int32),
    )


def _check(info: ChipSetInfo, store: PixelStore) -> None:
    """Check that labels, split and values are those that were exported.

    Raises:
        ChipSetError: where they are not.
    """
    # A scene's label is that of all its pixels.
    index = store.index if info.kind == "pixels" else np.arange(len(store.values))
    check_unchanged(info, store, index, "chips")
