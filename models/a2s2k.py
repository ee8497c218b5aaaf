"""A2S2K-ResNet: kernels chosen by attention, residual blocks, attention over channels.

Roy, Manna, Song, Bruzzone: "Attention-Based Adaptive Spectral-Spatial Kernel ResNet for
Hyperspectral Image Classification", IEEE Transactions on Geoscience and Remote Sensing 59
(2021) 7831, doi:10.1109/TGRS.2020.3043267.

Two convolutions side by side, of 7 bands and of 7 bands and 3 x 3 pixels, every second band, to
24 channels each. Attention from the mean of the whole patch says, channel by channel, how much of
each is taken. Then, as in SSRN, residual blocks along the spectrum, 128 features of all that is
left of it, 24 channels of 3 x 3 pixels, residual blocks in space, the mean and the classes. Every
block ends with a factor for each channel that follows from the means of it and its neighbours.

What is published counts 370,856 weights for 200 bands and 16 classes, here there are 373,160:

- The published program takes one and the same layer for the attention of both kernels. Their
  shares are then always one half, and neither that layer nor the one before it ever learns. Here
  each kernel has its own layer, as in the paper: ``24 * (bands // 2) + 24`` weights more.
- The program makes two batch norms that it never uses (96 weights), and convolves the channels'
  means with kernels of 3 x 3 of which only the middle row ever meets a value (24 weights).

The means are over the patch, so that every window is computed by itself (``models.windowed``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .activations import make_activation
from .layers import BandConvolution
from .ssrn import CHANNELS, FEATURES, KERNEL, STRIDE, AlongSpectrum, spectral_length
from .stages import Stage
from .units import WORDS, Style, Unit, widened
from .volumes import side_by_side
from .windowed import Windowed

NEIGHBOURS = 3  # channels whose means decide a channel's factor
REDUCTION = 2  # bands for a feature of the attention to kernels


class KernelAttention(nn.Module):
    """How much of either kernel is taken.

    Args:
        channels: of both.
        features: in between.
        activation: a name from ``models.activations``.

    Shapes:
        Twice ``(N, channels, spectrum, h, w)`` to one of the same.
    """

    def __init__(self, channels: int, features: int, activation: str) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, features)
        self.activation = make_activation(activation)
        self.shares = nn.ModuleList(nn.Linear(features, channels) for _ in range(2))

    def forward(self, narrow: Tensor, wide: Tensor) -> Tensor:
        """Return the mixture; see the class for shapes."""
        means = (narrow + wide).mean((2, 3, 4))
        squeezed = self.activation(self.squeeze(means))
        scores = torch.stack([layer(squeezed) for layer in self.shares])
        first, second = scores.softmax(0)[..., None, None, None]
        mixed: Tensor = narrow * first + wide * second
        return mixed


class ChannelAttention(nn.Module):
    """A factor for every channel from the means of its neighbours (Wang et al. 2020, ECA)."""

    def __init__(self) -> None:
        super().__init__()
        self.mixture = nn.Conv1d(1, 1, NEIGHBOURS, padding=NEIGHBOURS // 2, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """``(N, channels, ...)`` to the same."""
        means = values.flatten(2).mean(2)
        factors: Tensor = self.mixture(means[:, None])[:, 0].sigmoid()
        return values * factors.view(*factors.shape, *[1] * (values.ndim - 2))


class ResidualBlock(nn.Module):
    """Two convolutions and attention, added to what came in.

    Args:
        channels: that come in and out.
        flat: it convolves 3 x 3 pixels, not 7 bands.
        activation: a name from ``models.activations``.
        place: ``first`` (it starts with a convolution and norms the second one's result), ``inner``
            (it starts with a norm) or ``last`` (so it does, and norms the sum as well).

    Shapes:
        ``(N, channels, spectrum, h, w)`` or ``(N, channels, h, w)`` to the same.
    """

    def __init__(self, channels: int, *, flat: bool, activation: str, place: str) -> None:
        super().__init__()

        def norm() -> nn.Module:
            return nn.BatchNorm2d(channels) if flat else nn.BatchNorm3d(channels)

        def convolution() -> nn.Module:
            if flat:
                return nn.Conv2d(channels, channels, 3, padding=1)
            return AlongSpectrum(channels)

        def active() -> nn.Module:
            return make_activation(activation)

        before = [] if place == "first" else [norm(), active()]
        self.inner = nn.Sequential(*before, convolution(), active(), norm(), active())
        self.outer = nn.Sequential(convolution(), *([norm()] if place == "first" else []))
        self.attention = ChannelAttention()
        self.after = nn.Sequential(*([norm(), active()] if place == "last" else []))

    def forward(self, values: Tensor) -> Tensor:
        """Return what goes on; see the class for shapes."""
        found: Tensor = self.after(values + self.attention(self.outer(self.inner(values))))
        return found


class AdaptiveKernelNet(nn.Module):
    """The network of single patches.

    Args:
        bands: inputs of every pixel, at least 7.
        outputs: classes.
        width: factor on all channels and features.
        activation: a name from ``models.activations``.
        dropout: share of the last features that training drops.

    Shapes:
        ``(N, bands, side, side) -> (N, outputs)``.
    """

    def __init__(
        self, bands: int, outputs: int, *, width: float, activation: str, dropout: float
    ) -> None:
        super().__init__()
        self.words = WORDS[activation]
        style = Style(activation, "batch")
        channels, features = widened(CHANNELS, width), widened(FEATURES, width)
        self.narrow = Unit(BandConvolution(channels, KERNEL, 1, stride=STRIDE, bias=True), style)
        self.wide = Unit(BandConvolution(channels, KERNEL, 3, stride=STRIDE, bias=True), style)
        self.choice = KernelAttention(channels, max(bands // REDUCTION, 1), activation)

        def block(flat: bool, place: str) -> ResidualBlock:
            return ResidualBlock(channels, flat=flat, activation=activation, place=place)

        self.spectral = nn.ModuleList([block(False, "first"), block(False, "inner")])
        self.features = Unit(nn.Conv2d(spectral_length(bands) * channels, features, 1), style)
        self.maps = Unit(nn.Conv2d(features, channels, 3), style)
        self.spatial = nn.ModuleList([block(True, "inner"), block(True, "last")])
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(channels, outputs)

    def stages(self) -> list[Stage]:
        """Return what happens to a patch; see ``models.stages``."""
        volume = ("", "features", "bands", "rows", "columns")
        flat = ("", "features", "rows", "columns")
        after = f"batch norm, {self.words}"
        told = [
            Stage(
                f"Convolution over {what}, every second band, {after}", volume, unit, None, (unit,)
            )
            for what, unit in (
                (f"{KERNEL} bands", self.narrow),
                (f"{KERNEL} bands and 3 x 3 pixels, padded", self.wide),
            )
        ]
        mixed = "Mixture of both, by attention from the means of the patch"
        told.append(Stage(mixed, volume, self.choice, modules=(self.choice,)))
        words = f"Residual block of two convolutions over {KERNEL} bands, attention to channels"
        told += [Stage(words, volume, block, modules=(block,)) for block in self.spectral]
        words = f"Dense layer on all that is left of the spectrum, {after}"
        told.append(Stage(words, flat, self.features, modules=(self.features,)))
        words = f"Convolution over 3 x 3 pixels, {after}"
        told.append(Stage(words, flat, self.maps, modules=(self.maps,)))
        words = "Residual block of two padded convolutions over 3 x 3 pixels, attention to channels"
        told += [Stage(words, flat, block, modules=(block,)) for block in self.spatial]
        dropped = f", dropout of {self.dropout.p:.0%}" if self.dropout.p else ""
        words = f"Mean of all pixels{dropped}, dense layer"
        told.append(Stage(words, ("", "classes"), self.classes, modules=(self.classes,)))
        return told

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        values = self.choice(self.narrow(inputs), self.wide(functional.pad(inputs, (1, 1, 1, 1))))
        for block in self.spectral:
            values = block(values)
        values = self.maps(self.features(side_by_side(values)))
        for block in self.spatial:
            values = block(values)
        scores: Tensor = self.classes(self.dropout(values.mean((2, 3))))
        return scores


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 7,
    width: float = 1.0,
    activation: str = "relu",
    dropout: float = 0.0,
) -> Windowed:
    """Build the network from the catalog's plain options."""
    net = AdaptiveKernelNet(bands, outputs, width=width, activation=activation, dropout=dropout)
    return Windowed(net, patch_size // 2)
