"""U-Net: a 2-D encoder-decoder on tiles whose levels hand their features across.

After O. Ronneberger, P. Fischer and T. Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", MICCAI 2015, doi:10.1007/978-3-319-24574-4_28: two convolutions of 3 x 3 pixels a
level, a maximum of 2 x 2 pixels between levels, twice the channels in every further level;
transposed convolutions of 2 x 2 pixels back up, the level's own features beside what comes from
below. Two things differ: batch norm follows every convolution (the paper predates its use here),
and convolutions pad the tile instead of shrinking it, so that all its pixels are learnt.
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


class UNet(TileNetwork):
    """Down ``depth`` levels and up again, every level's features beside those from below.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        patch_size: side of the tiles that it is trained on.
        depth: how often the tile is halved; 4 in the paper.
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
        patch_size: int = 64,
        depth: int = 3,
        width: float = 0.5,
        dropout: float = 0.2,
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
        self.raised = nn.ModuleList(raised(own, above) for own, above in upwards)
        self.decoder = nn.ModuleList(level(2 * above, above, *kind) for _, above in upwards)
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
            words = "The features that the encoder had at this size beside these"
            told += [raised_stage(rise), Stage(words, MAPS, before=layers)]
            told += layer_stages(layers)  # type: ignore[arg-type]
        return [*told, class_stage(self.dropout, self.classes)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        values, kept = inputs, []
        for step, layers in enumerate(self.encoder):
            values = layers(self.pool(values) if step else values)
            kept.append(values)
        del kept[-1]
        for rise, layers in zip(self.raised, self.decoder):
            values = layers(torch.cat([kept.pop(), rise(values)], dim=1))
        scores: Tensor = self.classes(self.dropout(values))
        return scores


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 64,
    depth: int = 3,
    width: float = 0.5,
    dropout: float = 0.2,
    activation: str = "relu",
    order: str = NORM_FIRST,
) -> UNet:
    """Build the network from the catalog's plain options."""
    return UNet(
        bands,
        outputs,
        patch_size=patch_size,
        depth=depth,
        width=width,
        dropout=dropout,
        activation=activation,
        order=order,
    )
