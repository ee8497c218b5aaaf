"""Tile networks in classification: without their rims, so that no seam is seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from .encoder_decoder import TileNetwork
from .stages import Stage, Staged


class Seamless(nn.Module):
    """A tile network that gives only the pixels which see none of its padding.

    Two inputs that hold a pixel give it the same scores if both begin at rows and columns that
    are multiples of ``multiple``: poolings then join the same pixels. So a raster may be
    computed in pieces of any size.

    Args:
        network: a tile network.

    Attributes:
        radius: its margin, which is thrown away on every side.
        multiple: see above; heights and widths of inputs are multiples of it as well.
        tile: side of the tiles it was trained on.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 radius, W - 2 radius)``.
    """

    def __init__(self, network: TileNetwork) -> None:
        super().__init__()
        self.network = network
        self.radius = network.margin
        self.multiple = network.multiple
        self.tile = network.tile

    def stages(self) -> Sequence[Stage]:
        """Return what happens to a tile; see ``models.stages``."""
        return cast(Staged, self.network).stages()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits of the inner pixels; see the class for shapes.

        Raises:
            ValueError: a height or width that is no multiple.
        """
        height, width = inputs.shape[2:]
        if height % self.multiple or width % self.multiple:
            raise ValueError(f"{height} x {width} pixels are no multiples of {self.multiple}.")
        rim = self.radius
        scores: Tensor = self.network(inputs)
        return scores[:, :, rim : height - rim, rim : width - rim]


def seamless(network: nn.Module) -> nn.Module:
    """Return the form of a network that classifies: that of tiles without their rims."""
    return Seamless(network) if isinstance(network, TileNetwork) else network
