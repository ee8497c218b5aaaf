"""Classification patch by patch: slow, simple, and what the engine must agree with.

Tests hold the engine against it, and the benchmark its speed. Patches are gathered as in
training: by index from a store of normalised pixels, a batch at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..raster.source import RasterSource
from ..raster.windows import Window, grow
from .inputs import Normaliser

if TYPE_CHECKING:
    from torch import Tensor, nn


def classify_patches(
    network: nn.Module,
    source: RasterSource,
    positions: Sequence[int],
    normaliser: Normaliser,
    *,
    area: Window,
    batch: int = 64,
) -> npt.NDArray[np.float32]:
    """Classify every pixel of an area by its own patch.

    Args:
        network: on the CPU, in evaluation mode.
        source: the raster.
        positions: of the network's bands in the raster.
        normaliser: of the model.
        area: inside the raster; all of it is kept in memory.
        batch: patches at once.

    Returns:
        ``(classes, height, width)`` probabilities, NaN at invalid pixels.
    """
    import torch

    radius = int(network.radius)  # type: ignore[arg-type]
    read = source.read_reflected(grow(area, radius), positions)
    margin = slice(radius, radius + area.height), slice(radius, radius + area.width)
    valid = read.valid[margin].copy()
    values = normaliser.apply(read)
    store = values.permute(1, 2, 0).flatten(0, 1).contiguous()
    with torch.inference_mode():
        shares = [
            network(patches).softmax(1).flatten(1) for patches in gather(store, area, radius, batch)
        ]
    found = torch.cat(shares).t().reshape(-1, area.height, area.width).numpy()
    return np.where(valid, found, np.float32(np.nan))


def gather(store: Tensor, area: Window, radius: int, batch: int) -> Iterator[Tensor]:
    """Yield the patches around all pixels of an area, ``(n, inputs, side, side)`` each.

    Args:
        store: ``(pixels, inputs)`` of the area and a margin of ``radius`` around it.
        area: whose pixels are the centres.
        radius: of the patches.
        batch: patches at once.
    """
    import torch

    side, width = 2 * radius + 1, area.width + 2 * radius
    steps = torch.arange(side)
    offsets = (steps[:, None] * width + steps).flatten()
    corners = (torch.arange(area.height)[:, None] * width + torch.arange(area.width)).flatten()
    for part in corners.split(batch):
        rows = store.index_select(0, (part[:, None] + offsets).flatten())
        yield rows.view(len(part), side, side, -1).permute(0, 3, 1, 2)
