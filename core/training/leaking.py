"""What training patches show of test pixels: values that an honest test would not have seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.chips import ChipSetInfo
from ..data.leakage import Leak, patch_leak
from ..data.pixel_store import PixelStore
from ..data.separation import TEST, TRAIN
from ..progress import Progress

if TYPE_CHECKING:
    from torch import nn


def leak_of_test(info: ChipSetInfo, store: PixelStore, network: nn.Module) -> Leak | None:
    """Return how much training patches show of test pixels; None where that cannot be asked.

    Args:
        info: the chip set.
        store: its pixels.
        network: what is trained; one on tiles looks as far as its margin, within a tile.
    """
    training, test = store.split == TRAIN, store.split == TEST
    if not info.placed or not training.any() or not test.any():
        return None
    radius = int(network.radius)  # type: ignore[arg-type]  # every network states it
    if hasattr(network, "tile"):
        radius = min(int(network.margin), int(network.tile) - 1)  # type: ignore[arg-type]
        if info.tiles is not None and not any(leak.test_patches_touching for leak in info.leak):
            # Nothing beyond a tile is seen, and tiles lie apart; of folds that is not known.
            return Leak(radius, 0.0, 0.0) if info.leak else None
    taught, asked = (store.row[training], store.col[training]), (store.row[test], store.col[test])
    return patch_leak(*taught, *asked, radius)


def warn_of_leak(leak: Leak | None, network: nn.Module, progress: Progress) -> None:
    """Say where test pixels lie in training patches, and what keeps them apart."""
    if leak is None or not leak.test_centres_inside:
        return
    radius, side = leak.radius, 2 * leak.radius + 1
    where = f"in a training patch of {side} x {side} pixels"
    if hasattr(network, "tile"):
        where = f"within {radius} pixels of a training pixel, as far as the network looks in a tile"
    buffer = f", a BUFFER of {radius} or more and a BLOCK_SIZE several times that" if radius else ""
    progress.warn(
        f"{leak.test_centres_inside:.1%} of the test pixels lie {where}: training sees their "
        "values, and their accuracy flatters. To keep them apart, export the chips again with "
        f"SPLIT 'blocks'{buffer}."
    )
