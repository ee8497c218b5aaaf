"""HybridSN: 3-D convolutions first, then one in space, then dense layers.

Roy, Krishna, Dubey, Chaudhuri: "HybridSN: Exploring 3-D-2-D CNN Feature Hierarchy for
Hyperspectral Image Classification", IEEE Geoscience and Remote Sensing Letters 17 (2020) 277,
doi:10.1109/LGRS.2019.2918719.

Three convolutions of 7, 5 and 3 bands and 3 x 3 pixels with 8, 16 and 32 channels; what is left
of the spectrum joins the channels; 64 channels of 3 x 3 pixels; dense layers of 256 and 128
with dropout, the classes. All convolutions are valid, so that the first dense layer is a
convolution as large as what is left of a patch, and neighbours share the work of a block.
Initial kernels are Glorot's and biases 0, as in the published program.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .activations import make_activation
from .layers import BandConvolution
from .stages import Stage
from .units import WORDS, Style, Unit, initialise, widened
from .volumes import side_by_side
from .whole import WholeMap

BANDS = (7, 5, 3)  # of the three 3-D kernels
VOLUMES = (8, 16, 32)
MAPS = 64
DENSE = (256, 128)
MARGIN = 4  # four valid convolutions of 3 x 3


class HybridNet(nn.Module):
    """3-D convolutions, a 2-D one and dense layers on a patch.

    Args:
        bands: inputs of every pixel, at least 13.
        outputs: classes.
        patch_size: side of the patch; 25 in the paper.
        width: factor on all channels and features.
        style: what follows every convolution.
        dropout: share of the features of both dense layers that training drops.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 r, W - 2 r)`` with ``r = patch_size // 2``.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        patch_size: int = 25,
        width: float = 1.0,
        style: Style,
        dropout: float = 0.4,
    ) -> None:
        super().__init__()
        self.radius = patch_size // 2
        self.style = style
        first, second, third = (widened(channels, width) for channels in VOLUMES)
        maps, (wide, narrow) = widened(MAPS, width), (widened(size, width) for size in DENSE)
        self.first = Unit(BandConvolution(first, BANDS[0], 3, bias=style.biased), style)
        self.second = Unit(nn.Conv3d(first, second, (BANDS[1], 3, 3), bias=style.biased), style)
        self.third = Unit(nn.Conv3d(second, third, (BANDS[2], 3, 3), bias=style.biased), style)
        length = bands - sum(BANDS) + len(BANDS)
        self.maps = Unit(nn.Conv2d(length * third, maps, 3, bias=style.biased), style)
        self.dense = WholeMap(maps, wide, patch_size - 2 * MARGIN)
        self.dense_after = nn.Sequential(make_activation(style.activation), nn.Dropout(dropout))
        self.hidden = nn.Conv2d(wide, narrow, 1)
        self.hidden_after = nn.Sequential(make_activation(style.activation), nn.Dropout(dropout))
        self.classes = nn.Conv2d(narrow, outputs, 1)
        initialise(self, nn.init.xavier_uniform_)
        with torch.no_grad():  # as the dense layer that it is: its fans decide the range
            nn.init.xavier_uniform_(self.dense.weight.flatten(1))

    def stages(self) -> list[Stage]:
        """Return what happens to a patch; see ``models.stages``."""
        volume = ("", "features", "bands", "rows", "columns")
        vector = ("", "features", "", "")
        told = [
            Stage(
                f"Convolution over 3 x 3 pixels and {bands} bands{self.style.words()}",
                volume,
                unit,
                modules=(unit,),
            )
            for bands, unit in zip(BANDS, (self.first, self.second, self.third))
        ]
        words = f"All bands side by side; convolution over 3 x 3 pixels{self.style.words()}"
        told.append(
            Stage(words, ("", "features", "rows", "columns"), self.maps, modules=(self.maps,))
        )
        for layer, after in ((self.dense, self.dense_after), (self.hidden, self.hidden_after)):
            words = f"Dense layer, {WORDS[self.style.activation]}, dropout of {after[1].p:.0%}"
            told.append(Stage(words, vector, after, modules=(layer, after)))
        told.append(
            Stage("Dense layer", ("", "classes", "", ""), self.classes, modules=(self.classes,))
        )
        return told

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        maps = self.maps(side_by_side(self.third(self.second(self.first(inputs)))))
        values = self.dense_after(self.dense(maps))
        scores: Tensor = self.classes(self.hidden_after(self.hidden(values)))
        return scores


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 25,
    width: float = 1.0,
    activation: str = "relu",
    norm: str = "none",
    order: str = "convolution-norm-activation",
    dropout: float = 0.4,
) -> HybridNet:
    """Build the network from the catalog's plain options."""
    return HybridNet(
        bands,
        outputs,
        patch_size=patch_size,
        width=width,
        style=Style(activation, norm, order),
        dropout=dropout,
    )
