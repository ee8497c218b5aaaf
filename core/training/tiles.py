"""Tiles by index: what networks on tiles learn from, out of the same store as patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..data.normalisation import Normalisation
from ..data.pixel_loading import Rectangles
from ..data.pixel_store import IntArray, PixelStore
from ..progress import Progress
from .objectives import UNKNOWN
from .patches import Cells, Samples, Source, known_labels, store_rows, turned_offsets
from .windows import WindowGrid

if TYPE_CHECKING:
    import torch
    from torch import Tensor

TOGETHER = 64  # tiles whose classes are counted at once


class TileSource(Source):
    """Gathers normalised tiles.

    In training all pixels of a tile are seen, and those of the training split alone have a class.
    Every other pixel is predicted once, in the tile in which it lies farthest from the rim.

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
    ) -> None:
        import torch

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

    def gather(self, index: Tensor, stride: Tensor, margin: int = 0) -> Tensor:  # noqa: ARG002
        """Return the tiles that begin at store positions; a margin they have not."""
        return self._at(store_rows(index, stride, self._offsets[:1]), self.side)

    def cells(self, samples: Samples) -> Cells:
        """Return the tiles that predict samples."""
        import torch

        places = self._grid.deepest(samples.index.numpy())
        index, at, cell = np.unique(places.index, return_index=True, return_inverse=True)
        columns = (index, places.stride[at])
        within = (cell, places.down, places.right)
        first, stride = (torch.from_numpy(np.asarray(column)) for column in columns)
        own, down, right = (torch.from_numpy(np.asarray(column)) for column in within)
        return Cells(first, stride, 0, own, down, right, self.side)

    def work(self, samples: Samples) -> int:
        """Return how many tiles predict samples."""
        return len(self.cells(samples).index)
