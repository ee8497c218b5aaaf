"""E-TRAINEE "SpectroSpatialNet": a 3-D encoder on tiles with a 2-D decoder, without skips.

After the E-TRAINEE course, module 4, 3-D CNN of the Krkonose and Pavia exercises. Two layers
[convolution of 3 bands and 3 x 3 pixels, batch norm, ReLU] a level with 16 channels, a maximum of
2 bands and 2 x 2 pixels between levels; at the coarsest level the spectrum joins the channels, and
a 2-D decoder as that of the 2-D network, of 32 channels, leads back up.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .encoder_decoder import (
    CONVOLUTIONS,
    NORM_FIRST,
    Layer,
    TileNetwork,
    class_stage,
    layer_stages,
    level,
    raised,
    raised_stage,
    scaled,
)
from .stages import Stage
from .volumes import VOLUME

ENCODER, DECODER = 16, 32  # channels of every layer
BANDS = 3  # of every convolution


class SpectroSpatialNet(TileNetwork):
    """Down ``depth`` levels in space and spectrum, and up again in space.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        patch_size: side of the tiles that it is trained on.
        depth: how often tile and spectrum are halved.
        width: factor on all channels.
        padding: ``same``: the spectrum is padded by a band of zeros at both ends of every
            convolution, as published; ``valid``: it shrinks by two bands instead.
        dropout: share of the last features dropped in training.
        activation: see ``models.activations``.
        order: of convolution, norm and activation.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H, W)``, H and W multiples of ``multiple``.

    Raises:
        ValueError: too few bands for this depth and padding.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        patch_size: int = 64,
        depth: int = 2,
        width: float = 1.0,
        padding: str = "same",
        dropout: float = 0.5,
        activation: str = "relu",
        order: str = NORM_FIRST,
    ) -> None:
        super().__init__(depth, patch_size)
        own, above = scaled([ENCODER, DECODER], width)
        length = spectral_length(bands, depth, padding)
        if length < 1:
            least = fewest_bands(depth, padding)
            raise ValueError(
                f"With a depth of {depth} and the padding '{padding}' the network needs at least "
                f"{least} bands; it gets {bands}."
            )
        ends = int(padding == "same")

        def layer(channels: int) -> Layer:
            convolution = nn.Conv3d(channels, own, BANDS, padding=(ends, 1, 1), bias=False)
            return Layer(convolution, nn.BatchNorm3d(own), activation, order)

        self.encoder = nn.ModuleList(
            nn.Sequential(*(layer(own if step or place else 1) for place in range(CONVOLUTIONS)))
            for step in range(depth + 1)
        )
        self.pool = nn.MaxPool3d(2)
        wide = [own * length] + [above] * (depth - 1)
        self.raised = nn.ModuleList(raised(channels, above) for channels in wide)
        self.decoder = nn.ModuleList(level(above, above, activation, order) for _ in wide)
        self.dropout = nn.Dropout2d(dropout)
        self.classes = nn.Conv2d(above, outputs, 1)
        for part in (self.raised, self.decoder, self.classes):
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.encoder.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def stages(self) -> list[Stage]:
        """Return what happens to a tile; see ``models.stages``."""
        told = []
        words = f"Convolution over 3 x 3 pixels and {BANDS} bands, batch norm, activation"
        for step, layers in enumerate(self.encoder):
            if step:
                pooled = "Maximum of every 2 bands and 2 x 2 pixels"
                told.append(Stage(pooled, VOLUME, before=layers))
            told += [Stage(words, VOLUME, layer, modules=(layer,)) for layer in layers]  # type: ignore[attr-defined]
        joined = ("", "features", "rows", "columns")
        told.append(Stage("All bands side by side", joined, before=self.raised[0]))
        for rise, layers in zip(self.raised, self.decoder):
            told += [raised_stage(rise), *layer_stages(layers)]  # type: ignore[arg-type]
        return [*told, class_stage(self.dropout, self.classes)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        values = inputs[:, None]
        for step, layers in enumerate(self.encoder):
            values = layers(self.pool(values) if step else values)
        values = values.flatten(1, 2)
        for rise, layers in zip(self.raised, self.decoder):
            values = layers(rise(values))
        scores: Tensor = self.classes(self.dropout(values))
        return scores


def spectral_length(bands: int, depth: int, padding: str) -> int:
    """Return how long the spectrum is at the coarsest level; 0 or less where there is none."""
    lost = 0 if padding == "same" else CONVOLUTIONS * (BANDS - 1)
    for _ in range(depth):
        bands = max(bands - lost, 0) // 2
    return bands - lost


def fewest_bands(depth: int, padding: str) -> int:
    """Return the shortest spectrum of which something is left at the coarsest level."""
    bands = 1
    while spectral_length(bands, depth, padding) < 1:
        bands += 1
    return bands


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 64,
    depth: int = 2,
    width: float = 1.0,
    padding: str = "same",
    dropout: float = 0.5,
    activation: str = "relu",
    order: str = NORM_FIRST,
) -> SpectroSpatialNet:
    """Build the network from the catalog's plain options."""
    return SpectroSpatialNet(
        bands,
        outputs,
        patch_size=patch_size,
        depth=depth,
        width=width,
        padding=padding,
        dropout=dropout,
        activation=activation,
        order=order,
    )
