"""Patches by index: one normalised pixel store, never a copy of every patch.

A patch is a row of indices into the ``(pixels, inputs)`` store. Turning and mirroring
only reorders that row, so it costs nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..data.normalisation import Normalisation, normalise_tensor
from ..data.pixel_room import room_for_pixels
from ..data.pixel_store import IntArray, PixelStore
from ..data.separation import TRAIN
from ..progress import Progress
from .objectives import UNKNOWN

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

CHUNK = 16_384  # pixels normalised at once: some 13 MB for 200 bands
#: How patches may be turned, as numbers of ``symmetric_offsets``, by SYMMETRY.
TURNED: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"turns-mirrors": tuple(range(8)), "turns": (0, 1, 2, 3), "mirrors": (0, 2, 4, 6)}
)
PREDICTED = 5  # a pixel that is predicted takes about this many times one that is looked at


@dataclass(frozen=True, eq=False)
class Samples:
    """Centres of patches.

    Attributes:
        index: ``(n,)`` int64 positions in the store.
        stride: ``(n,)`` int64 distance in the store to the pixel below.
        target: ``(n,)`` int64 class, 0..classes-1.
        row: ``(n,)`` int64 in the source raster.
        col: ``(n,)`` int64 in the source raster.
    """

    index: Tensor
    stride: Tensor
    target: Tensor
    row: Tensor
    col: Tensor

    def __len__(self) -> int:
        return len(self.target)

    def first(self, count: int) -> Samples:
        """Return the first ones: neighbours mostly, as chips are read one after the other."""
        return Samples(*(getattr(self, column.name)[:count] for column in fields(self)))


def side_of(network: nn.Module, margin: int = 0) -> int:
    """Return the side in pixels of what a network is given in training.

    Args:
        network: from the catalog.
        margin: pixels around each centre that are learnt along with it; tiles have none.
    """
    if hasattr(network, "tile"):
        return int(network.tile)  # type: ignore[arg-type]
    return 2 * (int(network.radius) + margin) + 1  # type: ignore[arg-type]


def samples_of(store: PixelStore, split: int) -> Samples:
    """Return the labelled pixels of one split (``core.data.splits`` codes) on the CPU."""
    import torch

    which = np.flatnonzero(store.split == split)
    return Samples(
        torch.from_numpy(store.index[which]),
        torch.from_numpy(store.stride[which]),
        torch.from_numpy(store.label[which].astype(np.int64) - 1),
        torch.from_numpy(store.row[which].astype(np.int64)),
        torch.from_numpy(store.col[which].astype(np.int64)),
    )


@dataclass(frozen=True, eq=False)
class Cells:
    """Squares of neighbouring centres that are predicted together.

    Attributes:
        index: ``(cells,)`` store positions of the middles.
        stride: ``(cells,)``.
        margin: pixels around a middle that belong to its cell.
        cell: ``(n,)`` the cell of each sample.
        down: ``(n,)`` its row in what the network returns of the cell.
        right: ``(n,)`` its column there.
        side: of what the network is given of a cell, in pixels.
        which: ``(n,)`` positions of the samples among those that were asked for.
    """

    index: Tensor
    stride: Tensor
    margin: int
    cell: Tensor
    down: Tensor
    right: Tensor
    side: int
    which: Tensor


def cells_of(samples: Samples, radius: int, halo: int) -> Cells:
    """Group samples so that the least work predicts them: in squares, or each by itself.

    A square's middle lies within its margin of a sample, so that its window stays within the
    halo as long as radius and twice the margin do.
    """
    import torch

    tried, every = [], torch.arange(len(samples))
    for margin in range((halo - radius) // 2 + 1):
        side = 2 * margin + 1
        down, right = samples.row % side, samples.col % side
        middles = samples.index + (margin - down) * samples.stride + margin - right
        # Chips lie apart in the store: one middle is one place of one chip.
        index, cell = torch.unique(middles, return_inverse=True)
        given = 2 * (radius + margin) + 1
        work = len(index) * (given**2 + PREDICTED * side**2)
        stride = torch.zeros_like(index).scatter_(0, cell, samples.stride)
        tried.append((work, Cells(index, stride, margin, cell, down, right, given, every)))
    return min(tried, key=lambda pair: pair[0])[1]


class Source(ABC):
    """Gathers images for a network out of one normalised store, and the classes in them.

    Args:
        store: pixels and samples of a chip set.
        normalisation: what the network takes.
        labels: ``(pixels,)`` int64 class of every pixel to learn from, ``UNKNOWN`` elsewhere.
        side: of the images to learn from, in pixels.
        device: where images are wanted.
        memory_bytes: what all pixels may take in memory. The normalised ones are kept on the
            device where they fit, else in a temporary file.
        progress: asked for cancelling.
        dark: ``(inputs,)`` what a spectrum of zeros becomes, where that is not the normalisation
            of zeros: the store may hold components.
        values: of ``normalised_pixels``, where they are there already.

    Raises:
        ChipSetError: where the temporary folder cannot hold them.
        Cancelled: where the user stopped.
    """

    def __init__(
        self,
        store: PixelStore,
        normalisation: Normalisation,
        labels: npt.NDArray[np.int64],
        *,
        side: int,
        device: torch.device,
        memory_bytes: int,
        progress: Progress,
        dark: npt.NDArray[np.float32] | None = None,
        values: Tensor | None = None,
    ) -> None:
        import torch

        self.normalisation = normalisation
        self.inputs = normalisation.outputs
        self.side = side
        self.device = device
        self._labels = torch.from_numpy(labels)
        self.dark = torch.from_numpy(normalisation.dark if dark is None else dark).to(device)
        if values is None:
            values = normalised_pixels(store, normalisation, device, memory_bytes, progress)
        self._values = values

    @cached_property
    def matrices(self) -> tuple[Tensor, Tensor] | None:
        """What leads from inputs to bands and back, on the device; nothing where they are one."""
        import torch

        if self.normalisation.transform.ndim == 1:
            return None
        back, forth = self.normalisation.inverse, self.normalisation.transform
        return torch.from_numpy(back).to(self.device), torch.from_numpy(forth).to(self.device)

    @abstractmethod
    def draw(self, samples: Samples, which: Tensor, turned: Tensor) -> tuple[Tensor, Tensor]:
        """Return images to learn from, ``(n, inputs, side, side)``, and their classes.

        Args:
            samples: of the training.
            which: ``(n,)`` positions among them.
            turned: ``(n,)`` 0..7, how each image is turned.
        """

    @abstractmethod
    def gather(self, index: Tensor, stride: Tensor, side: int = 0) -> Tensor:
        """Return the images of cells, ``(n, inputs, side, side)``; see ``Cells``."""

    @abstractmethod
    def cells(self, samples: Samples) -> list[Cells]:
        """Return the images that predict samples, and where in them each sample is.

        There is one entry for each size of images; every sample is in one of them.
        """

    def as_mapped(self, index: IntArray, row: IntArray, col: IntArray) -> float | None:  # noqa: ARG002
        """Return the share of pixels that are predicted by all that the map sees of them.

        None where all are, as the patches of a network have one size.

        Args:
            index: ``(n,)`` store positions of pixels.
            row: ``(n,)`` their rows in the raster.
            col: ``(n,)`` their columns.
        """
        return None

    @abstractmethod
    def work(self, samples: Samples) -> int:
        """Return a number that grows as the time to predict samples does."""

    def _at(self, rows: Tensor, side: int) -> Tensor:
        """Return the pixels of images in channels-last memory."""
        flat = rows.flatten().to(self._values.device)
        found = self._values.index_select(0, flat).to(self.device)
        return found.view(-1, side, side, self.inputs).permute(0, 3, 1, 2)

    def _labels_at(self, rows: Tensor, side: int) -> Tensor:
        """Return the classes of the pixels of images, ``(n, side, side)``."""
        targets = self._labels.index_select(0, rows.flatten()).view(-1, side, side)
        return targets.to(self.device)


class PatchSource(Source):
    """Gathers normalised patches.

    Args:
        store: pixels and samples of a chip set.
        normalisation: what the network takes.
        radius: of the network, in pixels.
        margin: pixels around each centre that are learnt along with it; patches then have a
            radius of ``radius + margin`` and targets a side of ``2 * margin + 1``.
        device: where patches are wanted.
        memory_bytes: what all pixels may take in memory. The normalised ones are kept on the
            device where they fit, else in a temporary file.
        dark: ``(inputs,)`` what a spectrum of zeros becomes, where that is not the normalisation
            of zeros: the store may hold components.
        values: of ``normalised_pixels``, where they are there already.

    Raises:
        ChipSetError: where the temporary folder cannot hold them.
        Cancelled: where the user stopped.
    """

    def __init__(
        self,
        store: PixelStore,
        normalisation: Normalisation,
        radius: int,
        *,
        margin: int = 0,
        device: torch.device,
        memory_bytes: int,
        progress: Progress,
        dark: npt.NDArray[np.float32] | None = None,
        values: Tensor | None = None,
    ) -> None:
        import torch

        super().__init__(
            store,
            normalisation,
            _training_labels(store),
            side=2 * (radius + margin) + 1,
            device=device,
            memory_bytes=memory_bytes,
            progress=progress,
            dark=dark,
            values=values,
        )
        self.radius = radius
        self.halo = store.halo
        self._margin = margin
        self._offsets = torch.from_numpy(symmetric_offsets(radius + margin))
        self._inner = torch.from_numpy(symmetric_offsets(margin))

    def draw(self, samples: Samples, which: Tensor, turned: Tensor) -> tuple[Tensor, Tensor]:
        """Return training patches and their targets.

        Args:
            samples: the training pixels.
            which: ``(n,)`` positions among them.
            turned: ``(n,)`` 0..7, how each patch is turned.

        Returns:
            ``(n, inputs, side, side)`` patches, and ``(n, 2 * margin + 1, 2 * margin + 1)``
            classes of the training pixels in their middle.
        """
        index, stride = samples.index[which], samples.stride[which]
        patches = self._at(store_rows(index, stride, self._offsets[turned]), self.side)
        middle = store_rows(index, stride, self._inner[turned])
        return patches, self._labels_at(middle, 2 * self._margin + 1)

    def gather(self, index: Tensor, stride: Tensor, side: int = 0) -> Tensor:
        """Return patches around centres.

        Args:
            index: ``(n,)`` centres.
            stride: ``(n,)`` of the same samples.
            side: of the patches, odd; 0 gives those of the network's own size.
        """
        import torch

        reach = side // 2 if side else self.radius
        offsets = torch.from_numpy(symmetric_offsets(reach)[:1])
        return self._at(store_rows(index, stride, offsets), 2 * reach + 1)

    def cells(self, samples: Samples) -> list[Cells]:
        """Return squares of neighbouring samples that are predicted together."""
        return [cells_of(samples, self.radius, self.halo)]

    def work(self, samples: Samples) -> int:
        """Return how many samples there are."""
        return len(samples)


def normalised_pixels(
    store: PixelStore,
    normalisation: Normalisation,
    device: torch.device,
    memory_bytes: int,
    progress: Progress,
) -> Tensor:
    """Normalise a whole store once, so that no step has to.

    Args:
        store: pixels of a chip set.
        normalisation: what the network takes.
        device: where patches are wanted.
        memory_bytes: what both stores may take in memory; a device has memory of its own.
        progress: asked for cancelling.

    Returns:
        ``(pixels, inputs)`` float32 with 0 for invalid pixels: on the device where it fits,
        else on the CPU, in a mapped temporary file.
    """
    import torch

    on_device = device.type != "cpu"
    if not on_device and not isinstance(store.values, np.memmap):
        memory_bytes -= store.values.nbytes
    count, inputs = len(store.values), normalisation.outputs
    values = torch.from_numpy(room_for_pixels(count, inputs, np.float32, memory_bytes))
    mean = torch.from_numpy(normalisation.mean)
    transform = torch.from_numpy(normalisation.transform)
    for start in range(0, count, CHUNK):
        progress.check_cancel()
        rows = np.arange(start, min(start + CHUNK, count))
        physical = torch.from_numpy(store.physical(rows))
        invalid = torch.from_numpy(~store.valid[rows])
        values[start : start + CHUNK] = normalise_tensor(physical, mean, transform, invalid)
    fits = count * inputs * values.element_size() <= memory_bytes
    return values.to(device) if on_device and fits else values


def store_rows(index: Tensor, stride: Tensor, offsets: Tensor) -> Tensor:
    """Store rows of images, ``(n, pixels)``: offsets are from ``index`` on."""
    return index[:, None] + offsets[..., 0] * stride[:, None] + offsets[..., 1]


def _training_labels(store: PixelStore) -> npt.NDArray[np.int64]:
    """Class of every store row that is a training pixel, ``UNKNOWN`` elsewhere."""
    training = store.split == TRAIN
    return known_labels(store, store.index[training], store.label[training].astype(np.int64))


def known_labels(
    store: PixelStore, index: npt.NDArray[np.int64], label: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return a class for every store row, ``UNKNOWN`` but for some.

    Args:
        store: the pixels.
        index: ``(n,)`` rows of those that are known.
        label: ``(n,)`` their classes, 1..classes.
    """
    labels = np.full(len(store.values), UNKNOWN, dtype=np.int64)
    labels[index] = label - 1
    return labels


def symmetric_offsets(radius: int) -> npt.NDArray[np.int64]:
    """Return ``(8, side * side, 2)``: row and column offsets of a patch, turned eight ways.

    Turned by 0, 90, 180 and 270 degrees, then the same mirrored left to right before.
    """
    return turned_offsets(-radius, 2 * radius + 1)


def turned_offsets(first: int, side: int) -> npt.NDArray[np.int64]:
    """Return ``(8, side * side, 2)``: offsets of a square from ``first`` on, turned eight ways."""
    rows, cols = np.mgrid[first : first + side, first : first + side]
    grid = np.stack([rows, cols], axis=-1)
    turned = [np.rot90(grid, turn) for turn in range(4)]
    turned += [np.rot90(grid[:, ::-1], turn) for turn in range(4)]
    offsets = np.stack([view.reshape(side * side, 2) for view in turned])
    return np.asarray(offsets, dtype=np.int64)
