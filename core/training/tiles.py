"""Tiles by index: what networks on tiles learn from, out of the same store as patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..data.normalisation import Normalisation
from ..data.pixel_loading import Rectangles
from ..data.pixel_store import IntArray, PixelStore
from ..progress import Progress
from .map_windows import MapWindows
from .objectives import UNKNOWN
from .patches import Cells, Samples, Source, known_labels, store_rows, turned_offsets
from .windows import Places, WindowGrid

if TYPE_CHECKING:
    import torch
    from torch import Tensor

TOGETHER = 64  # tiles whose classes are counted at once


class TileSource(Source):
    """Gathers normalised tiles.

    In training all pixels of a tile are seen, and those of the training split alone have a class.
    Every other pixel is predicted once: as in the map where its chip holds what the map sees of
    it, else in the window or tile in which it lies farthest from the rim.

    Args:
        store: pixels and samples of a chip set.
        normalisation: what the network takes.
        chips: the rectangles of the store.
        learnt: ``(n,)`` places in the store that have a class in training, and their classes,
            1..classes.
        side: of the tiles in pixels.
        device: where tiles are wanted.
        memory_bytes: what all pixels may take in memory.
        progress: asked for cancelling.
        dark: see ``Source``.
        values: likewise.
        windows: in which pixels are predicted as in the map, where the chip set has such.

    Raises:
        ChipSetError: the temporary folder cannot hold the pixels.
        ValueError: a chip is smaller than a tile.
        Cancelled: the user stopped.
    """

    def __init__(
        self,
        store: PixelStore,
        normalisation: Normalisation,
        *,
        chips: Rectangles,
        learnt: tuple[IntArray, IntArray],
        side: int,
        device: torch.device,
        memory_bytes: int,
        progress: Progress,
        dark: npt.NDArray[np.float32] | None = None,
        values: Tensor | None = None,
        windows: MapWindows | None = None,
    ) -> None:
        import torch

        self._windows = windows
        self._grid = WindowGrid(chips, side)
        self._learnt = learnt[0]
        super().__init__(
            store,
            normalisation,
            known_labels(store, *learnt),
            side=side,
            device=device,
            memory_bytes=memory_bytes,
            progress=progress,
            dark=dark,
            values=values,
        )
        self._offsets = torch.from_numpy(turned_offsets(0, side))

    def training(self) -> Samples:
        """Return the tiles to learn from: all that hold a training pixel.

        Their ``index`` is that of a tile's first pixel, and their class the one that most of its
        training pixels have; they have no place.
        """
        import torch

        index, stride = (torch.from_numpy(column) for column in self._grid.holding(self._learnt))
        found = []
        for first, below in zip(index.split(TOGETHER), stride.split(TOGETHER)):
            classes = self._labels_at(store_rows(first, below, self._offsets[:1]), self.side)
            # One place more in front, for pixels without a class.
            counts = torch.zeros(len(first), int(self._labels.max()) + 2, dtype=torch.int64)
            flat = classes.flatten(1).cpu() + 1
            counts.scatter_add_(1, flat, torch.ones_like(flat))
            found.append(counts[:, 1:].argmax(1))
        nowhere = torch.full_like(index, UNKNOWN)
        return Samples(index, stride, torch.cat(found), nowhere, nowhere)

    def draw(self, samples: Samples, which: Tensor, turned: Tensor) -> tuple[Tensor, Tensor]:
        """Return tiles to learn from and their classes.

        Args:
            samples: of ``training``.
            which: ``(n,)`` positions among them.
            turned: ``(n,)`` 0..7, how each tile is turned.

        Returns:
            ``(n, inputs, side, side)`` and ``(n, side, side)``.
        """
        rows = store_rows(samples.index[which], samples.stride[which], self._offsets[turned])
        return self._at(rows, self.side), self._labels_at(rows, self.side)

    def gather(self, index: Tensor, stride: Tensor, side: int = 0) -> Tensor:
        """Return the tiles or windows that begin at store positions; 0 is the side of tiles."""
        import torch

        side = side or self.side
        offsets = torch.from_numpy(turned_offsets(0, side)[:1])
        return self._at(store_rows(index, stride, offsets), side)

    def cells(self, samples: Samples) -> list[Cells]:
        """Return the windows and tiles that predict samples."""
        index = samples.index.numpy()
        if self._windows is None:
            return [self._tiles(index, np.arange(len(index)))]
        places = self._windows.places(index, samples.row.numpy(), samples.col.numpy())
        found = []
        for side in np.unique(places.side):
            which = np.flatnonzero(places.side == side)
            own = Places(
                *(
                    column[which]
                    for column in (places.index, places.stride, places.down, places.right)
                )
            )
            found.append(
                _cells(own, int(side), which) if side else self._tiles(index[which], which)
            )
        return found

    def as_mapped(self, index: IntArray, row: IntArray, col: IntArray) -> float | None:
        """Return the share of pixels that are predicted by all that the map sees of them."""
        if self._windows is None:
            return 0.0
        return float(self._windows.places(index, row, col).whole.mean())

    def work(self, samples: Samples) -> int:
        """Return how many pixels the tiles and windows hold that predict samples."""
        return sum(len(cells.index) * cells.side**2 for cells in self.cells(samples))

    def _tiles(self, index: IntArray, which: IntArray) -> Cells:
        """Return the tiles in which pixels lie farthest from the rim."""
        return _cells(self._grid.deepest(index), self.side, which)


def _cells(places: Places, side: int, which: IntArray) -> Cells:
    """Put the pixels of each window together."""
    import torch

    index, at, cell = np.unique(places.index, return_index=True, return_inverse=True)
    columns = (index, places.stride[at], cell, places.down, places.right, which)
    first, stride, own, down, right, asked = (
        torch.from_numpy(np.asarray(column)) for column in columns
    )
    return Cells(first, stride, 0, own, down, right, side, asked)
