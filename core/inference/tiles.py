"""Computes a block's probabilities, tile by tile, in pieces that memory allows.

Kernels may round otherwise where a piece has another size. How tiles are divided therefore
depends on nothing but the plan, unless memory runs out: the same run gives the same bits.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..raster.windows import Window
from ..runtime.memory_errors import is_out_of_memory, release_memory
from .reach import Reach
from .zones import Maps, Zone

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


class _JobEnded(Exception):  # noqa: N818 - no error: the job was told to end
    """The job has ended while a network computed."""


@dataclass(eq=False)
class Block:
    """A block on its way from the reader to the zone it belongs to.

    Attributes:
        inputs: ``(inputs, height + 2 halo, width + 2 halo)`` normalised, with the halo of the
            network's ``Reach``.
        valid: ``(height, width)``.
        maps: what is computed: a view of the zone's.
        zone: that is written when all its blocks are computed.
        origin: the raster's row and column of its first pixel.
        waiting: tiles that are not computed yet.
    """

    inputs: Tensor
    valid: npt.NDArray[np.bool_]
    maps: Maps
    zone: Zone
    origin: tuple[int, int] = (0, 0)
    waiting: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def finish_tile(self) -> bool:
        """Count a tile as computed; tells whether it was the last."""
        with self.lock:
            self.waiting -= 1
            return self.waiting == 0


class TileComputer:
    """Runs a network over tiles; several threads may call it.

    Args:
        network: in evaluation mode, on its device.
        device: where it computes.
        tile: largest side of a tile.
        stop: set when the job ends early; no further piece is begun then.
    """

    def __init__(
        self, network: nn.Module, device: torch.device, tile: int, stop: threading.Event
    ) -> None:
        self._network = network
        self._device = device
        self._reach = Reach.of(network)
        self._stop = stop
        self._side = tile
        self._lock = threading.Lock()

    @property
    def largest(self) -> int:
        """Largest side of a piece; smaller than at first where memory ran out."""
        return self._side

    def compute(self, block: Block, tile: Window) -> None:
        """Fill in a tile of a block; rows and columns of ``tile`` count within the block."""
        import torch

        with torch.inference_mode(), suppress(_JobEnded):
            self._divide(block, tile)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look before every layer whether the job has stopped.

        A tile of a network that looks far around takes seconds: it cannot be smaller than that.
        """

        def look(*_: Any) -> None:
            if self._stop.is_set():
                raise _JobEnded

        hooks = [module.register_forward_pre_hook(look) for module in self._network.modules()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _divide(self, block: Block, tile: Window) -> None:
        """Compute a tile whole where it is small enough, else its halves."""
        if self._stop.is_set() or not block.valid[tile.rows, tile.cols].any():
            return
        if max(tile.height, tile.width) > self._side:
            for half in _halves(tile):
                self._divide(block, half)
            return
        try:
            self._run(block, tile)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or tile.size == 1:
                raise
        else:
            return
        self._shrink(tile)
        self._divide(block, tile)

    def _run(self, block: Block, tile: Window) -> None:
        rows, down = self._reach.cut(tile.row, tile.height, block.origin[0])
        cols, right = self._reach.cut(tile.col, tile.width, block.origin[1])
        inputs = block.inputs[None, :, rows, cols].to(self._device)
        shares = self._network(inputs).softmax(1)[0, :, down, right]
        confidence, best = shares.max(0)
        valid = block.valid[tile.rows, tile.cols]
        labels = np.where(valid, best.cpu().numpy() + 1, 0)
        maps = block.maps
        maps.labels[tile.rows, tile.cols] = labels.astype(np.uint16)
        maps.confidence[tile.rows, tile.cols] = np.where(valid, confidence.cpu().numpy(), np.nan)
        if maps.probabilities is not None:
            found = shares.cpu().numpy()
            maps.probabilities[:, tile.rows, tile.cols] = np.where(valid, found, np.nan)

    def _shrink(self, tile: Window) -> None:
        """Never try tiles of this size again."""
        with self._lock:
            self._side = max(min(self._side, max(tile.height, tile.width) // 2), 1)
        release_memory(self._device.type)


def _halves(tile: Window) -> tuple[Window, Window]:
    row, col, height, width = tile
    if height >= width:
        upper = height // 2
        return Window(row, col, upper, width), Window(row + upper, col, height - upper, width)
    left = width // 2
    return Window(row, col, height, left), Window(row, col + left, height, width - left)
