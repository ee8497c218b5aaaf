"""What a stack of windows is: the samples, one a window, and what all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...raster.bands import Band
from ...raster.grid import Grid
from ..classes import ClassInfo

RawArray = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]

_STRIP_BYTES = 1 << 17
_BATCH_BYTES = 8 << 20


@dataclass(frozen=True, eq=False)
class WindowSamples:
    """Some windows' samples: the pixel in the middle of each, or the window as a whole.

    Attributes:
        label: ``(n,)`` uint16, 1..classes.
        split: ``(n,)`` uint8, the codes of ``splits``.
        group: ``(n,)`` int32, block or polygon id.
        row: ``(n,)`` int32 in the source raster; the number of the window where it has no place.
        col: ``(n,)`` int32 in the source raster; 0 where it has no place.
    """

    label: npt.NDArray[np.uint16]
    split: npt.NDArray[np.uint8]
    group: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    col: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.label)

    def part(self, which: slice) -> WindowSamples:
        """Return some of them."""
        return WindowSamples(
            self.label[which], self.split[which], self.group[which], self.row[which],
            self.col[which],
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class StackShape:
    """What all windows of a stack share.

    Attributes:
        count: how many windows.
        side: of each, in pixels.
        dtype: numpy name of their values.
        bands: of each pixel.
        classes: label ``v`` is ``classes[v - 1]``.
        grid: that rows and columns belong to; None where windows have no place.
        masked: whether to write a mask: the source has one that no nodata value tells of.
    """

    count: int
    side: int
    dtype: str
    bands: Sequence[Band]
    classes: Sequence[ClassInfo]
    grid: Grid | None
    masked: bool = False

    @property
    def window_bytes(self) -> int:
        """Bytes of the values of one window."""
        return self.side**2 * len(self.bands) * np.dtype(self.dtype).itemsize

    @property
    def strip(self) -> int:
        """Windows that are compressed together: what a program decodes to look at one."""
        return max(_STRIP_BYTES // self.window_bytes, 1)

    @property
    def at_once(self) -> int:
        """Windows to be held in memory at once; whole strips of them."""
        return max(_BATCH_BYTES // self.window_bytes // self.strip, 1) * self.strip
