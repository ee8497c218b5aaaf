"""Reads blocks with the margin a network looks at; the file is decoded once where that can be.

Neighbouring blocks overlap by twice the radius. What the next blocks to the right and below
will need again is kept, normalised, instead of being read again: where blocks end a radius
before the file's own tiles do (see ``blocks``), no tile is decoded for a margin alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..raster.source import RasterSource
from ..raster.windows import Window, clip, grow, reflect_index
from .inputs import Normaliser

if TYPE_CHECKING:
    from torch import Tensor

MIB = 1 << 20
SLAB_BYTES = 8 * MIB  # physical values at once: they stay in the processor's cache
LEFT_BYTES = 16 * MIB
NOWHERE = np.iinfo(np.int64).min

BoolArray = npt.NDArray[np.bool_]


class BlockReader:
    """Reads blocks of an area; one thread only.

    Args:
        source: the raster.
        positions: of the network's bands in it.
        normaliser: of the model.
        radius: of the network.
        area: whose blocks are read.
        keep: whether the rows above are kept, see ``above_bytes``.
    """

    def __init__(
        self,
        source: RasterSource,
        positions: Sequence[int],
        normaliser: Normaliser,
        *,
        radius: int,
        area: Window,
        keep: bool,
    ) -> None:
        self._source = source
        self._positions = positions
        self._normaliser = normaliser
        self._radius = radius
        self._first = area.col - radius
        width = area.width + 2 * radius if keep and radius else 0
        self._above = normaliser.empty(2 * radius, width)
        self._above_valid = np.zeros((2 * radius, width), dtype=np.bool_)
        self._above_row = np.full(width, NOWHERE)  # the raster's row that each column begins with
        self._left: dict[tuple[int, int], tuple[int, Tensor, BoolArray]] = {}

    def forget(self) -> None:
        """Keep nothing of what was read: the next blocks are read as the first ones are."""
        self._above_row[:] = NOWHERE
        self._left.clear()

    def read(self, place: Window) -> tuple[Tensor, BoolArray]:
        """Read a block.

        Args:
            place: inside the raster, without the margin.

        Returns:
            Normalised ``(inputs, height + 2 radius, width + 2 radius)``, mirrored beyond the
            raster's edges, and ``(height, width)``, which pixels are valid.

        Raises:
            RasterError: the file cannot be read there.
        """
        window = grow(place, self._radius)
        inputs = self._normaliser.empty(window.height, window.width)
        valid = np.zeros((window.height, window.width), dtype=np.bool_)
        rows, cols = self._recall(window, inputs, valid)
        self._read_fresh(window, rows, cols, inputs, valid)
        self._mirror(window, inputs, valid)
        self._remember(window, inputs, valid)
        margin = self._radius
        inner = slice(margin, margin + place.height), slice(margin, margin + place.width)
        return inputs, valid[inner].copy()

    def _read_fresh(
        self, window: Window, rows: int, cols: int, inputs: Tensor, valid: BoolArray
    ) -> None:
        """Fill in what lies inside the raster, but for the first ``rows`` and ``cols``."""
        grid = self._source.grid
        row, col, height, width = window
        fresh = Window(row + rows, col + cols, height - rows, width - cols)
        core = clip(fresh, grid.height, grid.width)
        if not core.size:
            return
        raw, mask = self._source.read_array(core, self._positions)
        widest = max(len(raw), self._normaliser.outputs)  # of an ensemble more than there are bands
        step = max(SLAB_BYTES // (4 * widest * core.width), 1)
        columns = slice(core.col - col, core.col - col + core.width)
        for top in range(0, core.height, step):
            part = slice(top, min(top + step, core.height))
            block = self._source.convert(
                raw[:, part], None if mask is None else mask[part], self._positions
            )
            lines = slice(core.row - row + part.start, core.row - row + part.stop)
            valid[lines, columns] = block.valid
            inputs[:, lines, columns] = self._normaliser.apply(block)

    def _mirror(self, window: Window, inputs: Tensor, valid: BoolArray) -> None:
        """Fill in what lies beyond the raster's edges from what lies within them."""
        grid = self._source.grid
        rows = reflect_index(window.row, window.row + window.height, grid.height) - window.row
        cols = reflect_index(window.col, window.col + window.width, grid.width) - window.col
        beyond = np.flatnonzero(rows != np.arange(window.height))
        if beyond.size:
            inputs[:, beyond] = inputs[:, rows[beyond]]
            valid[beyond] = valid[rows[beyond]]
        beyond = np.flatnonzero(cols != np.arange(window.width))
        if beyond.size:
            inputs[:, :, beyond] = inputs[:, :, cols[beyond]]
            valid[:, beyond] = valid[:, cols[beyond]]

    def _recall(self, window: Window, inputs: Tensor, valid: BoolArray) -> tuple[int, int]:
        """Fill in what is still known; returns how many of the first rows and columns that are."""
        margin = 2 * self._radius
        rows = cols = 0
        column, left, left_valid = self._left.get((window.row, window.height), (None, None, None))
        if column == window.col and left is not None and left_valid is not None:
            inputs[:, :, :margin], valid[:, :margin] = left, left_valid
            cols = margin
        start = window.col - self._first
        kept = slice(start + cols, start + window.width)
        if self._above_row.size and (self._above_row[kept] == window.row).all():
            inputs[:, :margin, cols:] = self._above[:, :, kept]
            valid[:margin, cols:] = self._above_valid[:, kept]
            rows = margin
        return rows, cols

    def _remember(self, window: Window, inputs: Tensor, valid: BoolArray) -> None:
        """Keep the last rows and columns."""
        margin = 2 * self._radius
        if not margin:
            return
        row, col, height, width = window
        if self._above_row.size:
            kept = slice(col - self._first, col - self._first + width)
            self._above[:, :, kept] = inputs[:, -margin:]
            self._above_valid[:, kept] = valid[-margin:]
            self._above_row[kept] = row + height - margin
        self._left.pop((row, height), None)
        last = inputs[:, :, -margin:].clone()
        self._left[row, height] = (col + width - margin, last, valid[:, -margin:].copy())
        most = max(LEFT_BYTES // (4 * last.numel()), 1)
        while len(self._left) > most:
            del self._left[next(iter(self._left))]


def above_bytes(radius: int, width: int, inputs: int) -> int:
    """Bytes of the rows kept for the blocks below, over the whole width of an area."""
    return 2 * radius * (width + 2 * radius) * (4 * inputs + 1 + 8) if radius else 0
