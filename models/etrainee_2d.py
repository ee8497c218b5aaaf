"""E-TRAINEE "SpatialNet": a 2-D encoder-decoder on tiles, without skips.

After the E-TRAINEE course, module 4, 2-D CNN of the Krkonose and Pavia exercises. Two layers
[convolution of 3 x 3 pixels, batch norm, ReLU] a level with 64, 128 and 256 channels, a maximum of
2 x 2 pixels between levels; back up with transposed convolutions of 2 x 2 pixels and two layers a
level, of 128 and 64 channels; dropout of whole features, and the classes of every pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .encoder_decoder import (
    MAPS,
    NORM_FIRST,
    TileNetwork,
    class_stage,
    layer_stages,
    level,
    raised,
    raised_stage,
    scaled,
)
from .stages import Stage

CHANNELS = 64  # of the first level; twice as many in each further one


class SpatialNet(TileNetwork):
    """Down ``depth`` levels and up again.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        patch_size: side of the tiles that it is trained on.
        depth: how often the tile is halved.
        width: factor on all channels.
        dropout: share of the last features dropped in training.
        activation: see ``models.activations``.
        order: of convolution, norm and activation.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H, W)``, H and W multiples of ``multiple``.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        patch_size: int = 128,
        depth: int = 2,
        width: float = 1.0,
        dropout: float = 0.5,
        activation: str = "relu",
        order: str = NORM_FIRST,
    ) -> None:
        super().__init__(depth, patch_size)
        channels = scaled([CHANNELS * 2**step for step in range(depth + 1)], width)
        kind = (activation, order)
        self.encoder = nn.ModuleList(
            level(before, own, *kind) for before, own in zip([bands, *channels], channels)
        )
        self.pool = nn.MaxPool2d(2)
        upwards = list(zip(reversed(channels[1:]), reversed(channels[:-1])))
        self.raised = nn.ModuleList(raised(own, own) for own, _ in upwards)
        self.decoder = nn.ModuleList(level(own, above, *kind) for own, above in upwards)
        self.dropout = nn.Dropout2d(dropout)
        self.classes = nn.Conv2d(channels[0], outputs, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def stages(self) -> list[Stage]:
        """Return what happens to a tile; see ``models.stages``."""
        told = []
        for step, layers in enumerate(self.encoder):
            if step:
                told.append(Stage("Maximum of every 2 x 2 pixels", MAPS, before=layers))
            told += layer_stages(layers)  # type: ignore[arg-type]
        for rise, layers in zip(self.raised, self.decoder):
            told += [raised_stage(rise), *layer_stages(layers)]  # type: ignore[arg-type]
        return [*told, class_stage(self.dropout, self.classes)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        values = inputs
        for step, layers in enumerate(self.encoder):
            values = layers(self.pool(values) if step else values)
        for rise, layers in zip(self.raised, self.decoder):
            values = layers(rise(values))
        scores: Tensor = self.classes(self.dropout(values))
        return scores


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 128,
    depth: int = 2,
    width: float = 1.0,
    dropout: float = 0.5,
    activation: str = "relu",
    order: str = NORM_FIRST,
) -> SpatialNet:
    """Build the network from the catalog's plain options."""
    return SpatialNet(
        bands,
        outputs,
        patch_size=patch_size,
        depth=depth,
        width=width,
        dropout=dropout,
        activation=activation,
        order=order,
    )
