"""Windows in which a network on tiles sees of a pixel what it sees of it in the map.

A map is computed in pieces that begin at rows and columns of the raster which are multiples of
the network's own, with so much around each pixel that no padding reaches it (see
``models.seamless``). Figures are those of the map where pixels are predicted likewise. A chip
holds such a window for every pixel that lies far enough from its rim: the halo decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data.chips import ChipSetInfo
from ..data.pixel_loading import Rectangles, rectangles
from ..data.pixel_store import IntArray

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Looks:
    """How a network on tiles looks around.

    Attributes:
        tile: side of the tiles that it learns from.
        margin: pixels that it looks around each.
        multiple: of which first row and column of a piece are multiples in the map.
    """

    tile: int
    margin: int
    multiple: int

    @property
    def around(self) -> int:
        """The margin, up to a multiple."""
        return -(-self.margin // self.multiple) * self.multiple

    @property
    def least(self) -> int:
        """Side of the smallest window in which some pixels see no padding."""
        return 2 * self.around + self.multiple

    @property
    def most(self) -> int:
        """Side of the largest windows: a tile and what it looks at around."""
        return self.tile + 2 * self.around

    @property
    def halo(self) -> int:
        """Of chips in which every labelled pixel finds its window."""
        return self.margin + self.multiple - 1


@dataclass(frozen=True, eq=False)
class MapPlaces:
    """Windows, and pixels in them.

    Attributes:
        side: ``(n,)`` of each pixel's window; 0 where its chip has none for it.
        index: ``(n,)`` store position of the window's first pixel.
        stride: ``(n,)`` from a pixel of it to the one below.
        down: ``(n,)`` the pixel's row in its window.
        right: ``(n,)`` its column.
        whole: ``(n,)`` whether the pixel sees no padding: it is judged as in the map.
    """

    side: IntArray
    index: IntArray
    stride: IntArray
    down: IntArray
    right: IntArray
    whole: BoolArray


class MapWindows:
    """The windows of a chip set.

    Args:
        chips: the rectangles of its store, each a part of one raster.
        looks: of the network.
    """

    def __init__(self, chips: Rectangles, looks: Looks) -> None:
        self._chips = chips
        self._looks = looks

    def places(self, index: IntArray, row: IntArray, col: IntArray) -> MapPlaces:
        """Return the window of each pixel.

        Args:
            index: ``(n,)`` store positions of pixels.
            row: ``(n,)`` their rows in the raster.
            col: ``(n,)`` their columns.
        """
        chips, looks = self._chips, self._looks
        chip = np.searchsorted(chips.start, index, side="right") - 1
        width = chips.width[chip]
        down, right = np.divmod(index - chips.start[chip], width)
        # Of each chip the part that begins and ends at multiples of the raster's rows.
        top, left = (down - row) % looks.multiple, (right - col) % looks.multiple
        height_, width_ = (
            (length - first) // looks.multiple * looks.multiple
            for length, first in ((chips.height[chip], top), (width, left))
        )
        side = np.minimum(np.minimum(height_, width_), looks.most)
        # A smaller window than a tile that shows padding to all its pixels is no gain.
        side[side < min(looks.least, looks.tile)] = 0
        first_row, below, whole_rows = self._axis(down - top, height_, side)
        first_col, beside, whole_cols = self._axis(right - left, width_, side)
        inside = (below >= 0) & (below < side) & (beside >= 0) & (beside < side)
        first = chips.start[chip] + (top + first_row) * width + left + first_col
        return MapPlaces(
            np.where(inside, side, 0),
            first,
            width,
            below,
            beside,
            inside & whole_rows & whole_cols,
        )

    def _axis(
        self, place: IntArray, length: IntArray, side: IntArray
    ) -> tuple[IntArray, IntArray, BoolArray]:
        """Return where windows begin along an axis, places in them, and which see no padding."""
        looks = self._looks
        quarter = side // 4 // looks.multiple * looks.multiple
        before = np.where(side >= looks.least, looks.around, quarter)
        core = np.maximum(side - 2 * before, looks.multiple)
        first = np.clip((place - before) // core * core, 0, length - side)
        within = place - first
        return first, within, (within >= looks.margin) & (within < side - looks.margin)


def map_windows(info: ChipSetInfo, looks: Looks) -> MapWindows | None:
    """Return the windows of a chip set; None for one that is no chips of a raster.

    Tiles may be turned, and what lies around them is not there; imported windows have no raster.
    """
    if info.kind != "pixels" or info.windows is not None or not info.placed or not info.chips:
        return None
    return MapWindows(rectangles(info), looks)


def largest_side(info: ChipSetInfo, looks: Looks) -> int:
    """Return the side of the largest image that predicts pixels of a chip set."""
    if map_windows(info, looks) is None:
        return looks.tile
    chips = rectangles(info)
    held = int(np.minimum(chips.height, chips.width).max())
    held = held // looks.multiple * looks.multiple
    return max(min(held, looks.most), looks.tile)
