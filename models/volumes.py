"""What 3-D networks share: layers on volumes of bands and pixels, and a dense layer behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import BandConvolution, SummedConvolution
from .stages import Stage, dense_words
from .units import Style, Unit, check_bands, convolved, initialise

VOLUME = ("", "features", "bands", "rows", "columns")
STEPS = {1: "", 2: " at every second one", 3: " at every third one"}


@dataclass(frozen=True)
class VolumeLayer:
    """A 3-D convolution, valid in space, and what follows it.

    Attributes:
        width: channels that come out.
        bands: below a kernel.
        side: of a kernel in pixels.
        style: what follows.
        stride: in bands.
        ends: zeros at either end of the spectrum.
        scales: bands of several kernels around the same middle, whose results are added up;
            the longest has ``bands``. Empty where there is one kernel. Not for the first layer.
    """

    width: int
    bands: int
    side: int
    style: Style
    stride: int = 1
    ends: int = 0
    scales: tuple[int, ...] = ()

    def length(self, before: int) -> int:
        """Return the length of the spectrum after it."""
        return convolved(before, self.bands, stride=self.stride, padding=self.ends)

    def first(self) -> Unit:
        """Return it as the first layer, on ``(N, bands, H, W)``."""
        layer = BandConvolution(
            self.width,
            self.bands,
            self.side,
            stride=self.stride,
            padding=self.ends,
            bias=self.style.biased,
        )
        return Unit(layer, self.style)

    def behind(self, channels: int) -> Unit:
        """Return it on ``(N, channels, spectrum, H, W)``."""
        if self.scales:
            summed = SummedConvolution(
                channels, self.width, self.scales, padding=self.ends, bias=self.style.biased
            )
            return Unit(summed, self.style)
        layer = nn.Conv3d(
            channels,
            self.width,
            (self.bands, self.side, self.side),
            stride=(self.stride, 1, 1),
            padding=(self.ends, 0, 0),
            bias=self.style.biased,
        )
        return Unit(layer, self.style)

    def words(self) -> str:
        """Return what it does."""
        space = f"{self.side} x {self.side} pixels and " if self.side > 1 else ""
        what = f"Convolution over {space}{self.bands} bands{STEPS[self.stride]}"
        if self.scales:
            *others, last = map(str, self.scales)
            what = f"Convolutions over {', '.join(others)} and {last} bands, added up"
        return what + self.style.words()


@dataclass(frozen=True)
class Maximum:
    """A maximum over a volume before the dense layer.

    On a patch it moves by its own size. On a block it moves by one pixel, and what the dense
    layer then reads lies its size apart: the same numbers as on every patch by itself.

    Attributes:
        bands: that become one.
        pixels: of its square that become one.
    """

    bands: int = 1
    pixels: int = 1

    def __call__(self, values: Tensor, *, spaced: bool) -> Tensor:
        """Return the maxima of ``(N, channels, spectrum, h, w)``.

        Args:
            values: the volume.
            spaced: it is a block and not a patch.
        """
        if self.bands == self.pixels == 1:
            return values
        step = 1 if spaced else self.pixels
        size = (self.bands, self.pixels, self.pixels)
        return functional.max_pool3d(values, size, stride=(self.bands, step, step))


def spectral_lengths(bands: int, layers: Sequence[VolumeLayer], maximum: Maximum) -> list[int]:
    """Return the length of a spectrum after every layer, and after the maximum."""
    found = accumulate(layers, lambda length, layer: layer.length(length), initial=bands)
    _, *lengths = found
    return [*lengths, lengths[-1] // maximum.bands]


class SpacedConvolution(nn.Conv2d):
    """A convolution that is told how far apart the pixels lie that it reads."""

    def forward(self, values: Tensor, spacing: int = 1) -> Tensor:
        """Convolve pixels that are ``spacing`` apart."""
        if values.shape[2:] == self.weight.shape[2:] and spacing == 1:
            # On a patch it is a matrix product, in the layout that both are in.
            rows = values.permute(0, 2, 3, 1).flatten(1)
            found = functional.linear(rows, self.weight.permute(0, 2, 3, 1).flatten(1), self.bias)
            return found[:, :, None, None]
        return functional.conv2d(values, self.weight, self.bias, dilation=spacing)


class VolumeNetwork(nn.Module):
    """3-D convolutions on a patch and all its bands, then one dense layer.

    On a block the dense layer is a convolution as large as what is left of a patch, so that
    neighbours share all the work.

    Args:
        title: what a refusal calls it.
        bands: inputs of every pixel.
        outputs: classes.
        layers: the convolutions.
        maximum: behind them.
        patch_size: side of the patch, larger than what the convolutions take from it.
        dropout: share of the last features dropped in training.
        kernels: fills an initial weight in place; biases are 0.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 r, W - 2 r)`` with ``r = patch_size // 2``.

    Raises:
        ValueError: the spectrum is too short.
    """

    def __init__(
        self,
        title: str,
        bands: int,
        outputs: int,
        layers: Sequence[VolumeLayer],
        *,
        maximum: Maximum = Maximum(),
        patch_size: int,
        dropout: float,
        kernels: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        check_bands(title, bands, lambda count: spectral_lengths(count, layers, maximum))
        self.radius = patch_size // 2
        self.maximum = maximum
        self.words = [layer.words() for layer in layers]
        self.layers = nn.ModuleList([layers[0].first()])
        for before, layer in zip(layers, layers[1:]):
            self.layers.append(layer.behind(before.width))
        self.dropout = nn.Dropout(dropout)
        features = spectral_lengths(bands, layers, maximum)[-1] * layers[-1].width
        left = (patch_size - sum(layer.side - 1 for layer in layers)) // maximum.pixels
        self.classes = SpacedConvolution(features, outputs, left)
        initialise(self, kernels)
        self.classes.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def stages(self) -> list[Stage]:
        """Return what happens to a patch; see ``models.stages``."""
        told = [
            Stage(words, VOLUME, layer, modules=(layer,))
            for words, layer in zip(self.words, self.layers)
        ]
        if self.maximum != Maximum():
            side = self.maximum.pixels
            words = f"Maximum of every {self.maximum.bands} bands and {side} x {side} pixels"
            axes = ("", "features", "rows", "columns")
            told.append(Stage(f"{words}; all bands side by side", axes, before=self.classes))
        words = dense_words(self.dropout.p)
        told.append(Stage(words, ("", "classes", "", ""), self.classes, modules=(self.classes,)))
        return told

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        side = 2 * self.radius + 1
        spaced = inputs.shape[2] != side or inputs.shape[3] != side
        values = inputs
        for layer in self.layers:
            values = layer(values)
        values = self.dropout(side_by_side(self.maximum(values, spaced=spaced)))
        scores: Tensor = self.classes(values, self.maximum.pixels if spaced else 1)
        return scores


def side_by_side(values: Tensor) -> Tensor:
    """Put the channels of all bands side by side.

    Args:
        values: ``(N, channels, spectrum, h, w)``.

    Returns:
        ``(N, spectrum * channels, h, w)`` in the layout ``channels_last``.
    """
    return values.permute(0, 3, 4, 2, 1).flatten(3).permute(0, 3, 1, 2)
