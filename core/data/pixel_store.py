"""A chip set in memory: one ``(pixels, bands)`` store, in which a patch is an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ChipSetError
from ..progress import Progress
from ..raster.bands import Band
from ..raster.values import missing, nodata_in
from ..raster.windows import grow, mirrored
from .chip_files import read_chip
from .chip_format import GROUPS, IMAGES, LABELS, Chip, ChipSetInfo
from .chip_hash import labelled_hash
from .pixel_room import room_for_pixels
from .windows.files import StoredStack
from .windows.stack import WindowSamples

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PixelStore:
    """All pixels of a chip set, and which of them are labelled.

    Every chip and every window is a rectangle of rows in the store, row-major and whole:
    where the raster ends inside the halo, its pixels are mirrored. So the pixel ``d`` rows
    below and ``r`` columns right of a sample is ``index + d * stride + r``, up to ``halo``
    pixels away.

    Attributes:
        values: ``(P, bands)`` in the source's data type, C order; on disk where they are
            many.
        valid: ``(P,)`` bool.
        scale: ``(bands,)`` float32; physical value = value * scale + offset.
        offset: ``(bands,)`` float32.
        nodata: per band the raw value that means nothing, or None.
        halo: in pixels.
        index: ``(n,)`` int64 position of each sample in the store.
        stride: ``(n,)`` int64 positions from a sample to the pixel below.
        label: ``(n,)`` uint16, 1..classes.
        split: ``(n,)`` uint8, the codes of ``splits``.
        group: ``(n,)`` int32, block or polygon id.
        row: ``(n,)`` int32 in the source raster.
        col: ``(n,)`` int32 in the source raster.
    """

    values: npt.NDArray[Any]
    valid: npt.NDArray[np.bool_]
    scale: npt.NDArray[np.float32]
    offset: npt.NDArray[np.float32]
    nodata: Sequence[float | None]
    halo: int
    index: IntArray
    stride: IntArray
    label: npt.NDArray[np.uint16]
    split: npt.NDArray[np.uint8]
    group: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    col: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.index)

    def part(self, which: IntArray, halo: int) -> PixelStore:
        """Return a store of the same pixels with some of the samples, ``halo`` pixels around."""
        names = ("index", "stride", "label", "split", "group", "row", "col")
        columns = {name: getattr(self, name)[which] for name in names}
        return replace(self, halo=halo, **columns)

    def patch_index(self, which: npt.NDArray[np.integer[Any]], radius: int) -> IntArray:
        """Return where the pixels of patches are.

        Args:
            which: ``(m,)`` samples.
            radius: of the patches, in pixels.

        Returns:
            ``(m, (2 * radius + 1) ** 2)`` int64 positions in the store, row-major.

        Raises:
            ChipSetError: for a radius beyond the halo.
        """
        if radius > self.halo:
            raise ChipSetError(
                f"Patches of {2 * radius + 1} x {2 * radius + 1} pixels need a halo of {radius}; "
                f"the chip set has {self.halo}. Export the chips again with HALO={radius} or more."
            )
        steps = np.arange(-radius, radius + 1)
        # (m, side, 1) starts of the rows, then (side,) along them.
        down = self.index[which][:, None] + self.stride[which][:, None] * steps
        return np.asarray((down[:, :, None] + steps).reshape(len(down), -1), dtype=np.int64)

    def physical(self, rows_index: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float32]:
        """Return physical values of pixels.

        Args:
            rows_index: positions in the store, any shape.

        Returns:
            The same shape with a last axis of bands, float32; NaN where a value is missing.
        """
        raw = self.values[rows_index]
        integer = raw.dtype.kind in "iu"
        # Large integers and doubles are scaled in double precision, as when rasters are read.
        wide = raw.dtype.itemsize > 4 or (integer and raw.dtype.itemsize == 4)
        values: npt.NDArray[Any] = raw.astype(np.float64 if wide else np.float32)
        with np.errstate(invalid="ignore", over="ignore"):
            if (self.scale != 1).any():
                values *= self.scale
            if self.offset.any():
                values += self.offset
        gone = self._nodata_at(raw)
        if gone is not None:
            values[gone] = np.nan
        if not integer:
            values[~np.isfinite(raw)] = np.nan
        return values.astype(np.float32, copy=False)

    def _nodata_at(self, raw: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
        """Tell where raw values ``(..., bands)`` are nodata; None where no band has one."""
        marks = [nodata_in(raw.dtype, value) for value in self.nodata]
        if all(mark is None for mark in marks):
            return None
        if all(mark == marks[0] for mark in marks):
            return np.asarray(raw == marks[0])
        # NaN equals nothing: it stands for bands without a nodata value.
        return np.asarray(raw == np.array([np.nan if mark is None else mark for mark in marks]))


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


def valid_pixels(
    pixels: npt.NDArray[Any], bands: Sequence[Band], mask: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.bool_]:
    """Return which pixels have a value in any band, and are not masked.

    Args:
        pixels: ``(height, width, bands)`` raw values.
        bands: what they are.
        mask: ``(height, width)``, or None.
    """
    gone = np.ones(pixels.shape[:2], dtype=bool)
    for position, band in enumerate(bands):
        lost = missing(pixels[..., position], band)
        if lost is None:
            gone[:] = False
        else:
            gone &= lost
        if not gone.any():
            break
    return ~gone if mask is None else ~gone & mask


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
    found = labelled_hash(
        row=store.row,
        col=store.col,
        label=store.label,
        split=store.split,
        values=store.values,
        index=index,
        bands=info.bands,
        classes=info.classes,
    )
    if found != info.hash:
        raise ChipSetError(
            f"The chips in {info.folder} are no longer those that were exported: labels, split "
            "or image values have changed. Export the chips again."
        )
