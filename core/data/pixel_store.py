"""A chip set in memory: one ``(pixels, bands)`` store, in which a patch is an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ChipSetError
from ..raster.values import nodata_in
from .chip_format import ChipSetInfo
from .chip_hash import labelled_hash

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


def check_unchanged(info: ChipSetInfo, store: PixelStore, index: IntArray, what: str) -> None:
    """Check that labels, split and values are those that were exported.

    Args:
        info: the chip set.
        store: its pixels.
        index: the pixels whose values are in the hash.
        what: the set's files, in words.

    Raises:
        ChipSetError: they are not.
    """
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
            f"The {what} in {info.folder} are no longer those that were exported: labels, split "
            "or image values have changed. Export the chips again."
        )
