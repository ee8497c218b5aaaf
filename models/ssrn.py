"""SSRN: residual blocks along the spectrum, then in space.

Zhong, Li, Luo, Chapman: "Spectral-Spatial Residual Network for Hyperspectral Image
Classification: A 3-D Deep Learning Framework", IEEE Transactions on Geoscience and Remote
Sensing 56 (2018) 847, doi:10.1109/TGRS.2017.2755542.

A convolution of 7 bands, every second of them, to 24 channels; a residual block of two more; what
is left of the spectrum becomes 128 features. Then 3 x 3 pixels of these become 24 channels; a
residual block of two convolutions of 3 x 3 pixels; their mean, dropout, the classes. Every
convolution has a batch norm and biases, the sum of a block two norms, and the shortcut in space
is a convolution of single pixels: so it is in the published program, whose initial kernels are
He's. Its counts include the running statistics of the batch norms: of 346,784 numbers for 200
bands and 16 classes 346,144 are learnt.

All of it but the residual block in space is the same wherever in a patch a pixel lies, and
neighbours share it. That block pads its window: it alone is computed window by window
(``models.windowed``). With 200 bands a block of 64 x 64 pixels takes a thirty-fourth of the work
of its patches.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .activations import make_activation
from .layers import BandConvolution, convolve_3d
from .stages import Stage
from .units import WORDS, Style, Unit, initialise, widened
from .volumes import side_by_side
from .windowed import Windowed

KERNEL, STRIDE = 7, 2  # bands
CHANNELS = 24
FEATURES = 128  # of the whole spectrum


def spectral_length(bands: int) -> int:
    """Return the length of the spectrum after the first convolution."""
    return (bands - KERNEL) // STRIDE + 1


def he_normal(weight: Tensor) -> Tensor:
    """Fill kernels as He et al. (2015)."""
    return nn.init.kaiming_normal_(weight, nonlinearity="relu")


class AlongSpectrum(nn.Conv3d):
    """A convolution of 7 bands that keeps their number.

    Args:
        channels: that come in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, (KERNEL, 1, 1), padding=(KERNEL // 2, 0, 0))
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]

    def forward(self, values: Tensor) -> Tensor:
        """Convolve."""
        return super().forward(values) if torch.is_grad_enabled() else convolve_3d(self, values)


class SpatialBlock(nn.Module):
    """The residual block in space, the mean and the classes.

    Args:
        channels: of the maps.
        outputs: classes.
        activation: a name from ``models.activations``.
        dropout: share of the means that training drops.

    Shapes:
        ``(N, channels, side, side) -> (N, outputs)``.
    """

    def __init__(self, channels: int, outputs: int, activation: str, dropout: float) -> None:
        super().__init__()
        style = Style(activation, "batch")
        self.inner = Unit(nn.Conv2d(channels, channels, 3, padding=1), style)
        self.outer = nn.Conv2d(channels, channels, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, channels, 1)
        self.norms = nn.Sequential(
            nn.BatchNorm2d(channels),
            make_activation(activation),
            nn.BatchNorm2d(channels),
            make_activation(activation),
        )
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(channels, outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        values = self.norms(self.outer(self.inner(maps)) + self.shortcut(maps))
        scores: Tensor = self.classes(self.dropout(values.mean((2, 3))))
        return scores


class SpectralSpatialResidual(nn.Module):
    """Residual blocks along the spectrum and in space.

    Args:
        bands: inputs of every pixel, at least 7.
        outputs: classes.
        patch_size: side of the patch; 7 in the paper.
        width: factor on all channels and features.
        activation: a name from ``models.activations``.
        dropout: share of the last features that training drops.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 r, W - 2 r)`` with ``r = patch_size // 2``.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        patch_size: int = 7,
        width: float = 1.0,
        activation: str = "relu",
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.radius = patch_size // 2
        self.words = WORDS[activation]
        style = Style(activation, "batch")
        channels, features = widened(CHANNELS, width), widened(FEATURES, width)
        self.first = Unit(BandConvolution(channels, KERNEL, 1, stride=STRIDE, bias=True), style)
        self.inner = Unit(AlongSpectrum(channels), style)
        self.outer = AlongSpectrum(channels)
        self.norms = nn.Sequential(
            nn.BatchNorm3d(channels),
            make_activation(activation),
            nn.BatchNorm3d(channels),
            make_activation(activation),
        )
        self.features = Unit(nn.Conv2d(spectral_length(bands) * channels, features, 1), style)
        self.maps = Unit(nn.Conv2d(features, channels, 3), style)
        block = SpatialBlock(channels, outputs, activation, dropout)
        self.windows = Windowed(block, self.radius - 1)
        initialise(self, he_normal)
        he_normal(block.classes.weight)
        nn.init.zeros_(block.classes.bias)

    def stages(self) -> list[Stage]:
        """Return what happens to a patch; see ``models.stages``."""
        volume = ("", "features", "bands", "rows", "columns")
        flat, vector = ("", "features", "rows", "columns"), ("", "classes")
        after, block = f"batch norm, {self.words}", self.windows.net
        twice = f"batch norm and {self.words} twice"
        spectral = f"Convolution over {KERNEL} bands"
        return [
            Stage(
                f"{spectral}, every second of them, {after}",
                volume,
                self.first,
                modules=(self.first,),
            ),
            Stage(f"{spectral}, {after}", volume, self.inner, modules=(self.inner,)),
            Stage(
                f"{spectral}, added to what the block began with, {twice}",
                volume,
                self.norms,
                modules=(self.outer, self.norms),
            ),
            Stage(
                f"Dense layer on all that is left of the spectrum, {after}",
                flat,
                self.features,
                modules=(self.features,),
            ),
            Stage(f"Convolution over 3 x 3 pixels, {after}", flat, self.maps, modules=(self.maps,)),
            Stage(
                f"Padded convolution over 3 x 3 pixels, {after}",
                flat,
                block.inner,  # type: ignore[arg-type]
                modules=(block.inner,),  # type: ignore[arg-type]
            ),
            Stage(
                "Padded convolution over 3 x 3 pixels, added to a convolution of the single pixels "
                f"that the block began with, {twice}",
                flat,
                block.norms,  # type: ignore[arg-type]
                modules=(block.outer, block.shortcut, block.norms),  # type: ignore[arg-type]
            ),
            Stage(
                f"Mean of all pixels, dropout of {block.dropout.p:.0%}, dense layer",  # type: ignore[union-attr]
                vector,
                block.classes,  # type: ignore[arg-type]
                modules=(block.classes,),  # type: ignore[arg-type]
            ),
        ]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        values = self.first(inputs)
        values = self.norms(self.outer(self.inner(values)) + values)
        scores: Tensor = self.windows(self.maps(self.features(side_by_side(values))))
        return scores


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 7,
    width: float = 1.0,
    activation: str = "relu",
    dropout: float = 0.5,
) -> SpectralSpatialResidual:
    """Build the network from the catalog's plain options."""
    return SpectralSpatialResidual(
        bands,
        outputs,
        patch_size=patch_size,
        width=width,
        activation=activation,
        dropout=dropout,
    )
