"""The contextual network of Lee and Kwon: filters of two sizes, then single pixels all the way.

H. Lee, H. Kwon, "Contextual deep CNN based hyperspectral classification", IEEE International
Geoscience and Remote Sensing Symposium, 2016, doi:10.1109/IGARSS.2016.7729859. 128 filters of
3 x 3 pixels and 128 of one pixel over all bands side by side, local response normalisation, ReLU;
128 channels, normalisation, ReLU; two residual blocks of two layers; two layers with ReLU and
dropout 0.5; the classes. Parameters for 200 bands and 16 classes: 390,288, the published count.

The public implementation learns every pixel of 5 x 5 windows, of which those at the rim see zeros
beyond it. A pixel's class comes from the 3 x 3 around it, so this is the patch here: nothing is
padded and the weights are the same. Training with a margin of 1 takes windows of 5 x 5 pixels again
and learns the nine in them that see no rim. A patch of 5 adds filters of 5 x 5, one of 7 of 7 x 7.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from .activations import make_activation
from .stages import Stage, dense_words
from .units import AFTER, Style, Unit, initialise, widened

CHANNELS = 128
LOCAL = "local-response"


class LocalResponse(nn.Module):
    """Local response normalisation across the channels of a pixel.

    After A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional
    neural networks", 2012. The mean square of a channel's neighbours is a product with a matrix of
    ones around its diagonal, for which there are faster kernels than for a moving average.

    Args:
        channels: of the values, and the neighbours below each.

    Shapes:
        ``(N, channels, h, w)`` to the same.
    """

    alpha, beta, offset = 1e-4, 0.75, 1.0
    band: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        place = torch.arange(channels)
        ahead = place[None] - place[:, None]
        near = (ahead >= -(channels // 2)) & (ahead <= (channels - 1) // 2)
        self.register_buffer("band", near[:, :, None, None] / channels, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Divide every value by a power of its neighbours' mean square."""
        squares = nn.functional.conv2d(values.square(), self.band)
        return values * (self.offset + self.alpha * squares).pow(-self.beta)


class LeeKwonNet(nn.Module):
    """Filters of several sizes over all bands, then residual layers on single pixels.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        patch_size: side of the largest filters.
        width: factor on all channels.
        depth: residual blocks.
        dropout: share of the features before each of the last two layers dropped in training.
        norm: ``local-response`` after the filters and the layer behind them, as published,
            ``batch`` with every layer, or ``none``.
        activation: what every layer's values go through.
        order: whether norms come before or after the activation.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H - 2 r, W - 2 r)`` with ``r = patch_size // 2``.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        patch_size: int = 3,
        width: float = 1.0,
        depth: int = 2,
        dropout: float = 0.5,
        norm: str = LOCAL,
        activation: str = "relu",
        order: str = Style.order,
    ) -> None:
        super().__init__()
        self.radius = patch_size // 2
        channels = widened(CHANNELS, width)
        self.style = Style(activation, "batch" if norm == "batch" else "none", order)
        bare = replace(self.style, activation="")
        local = norm == LOCAL
        self.sides = tuple(range(1, patch_size + 1, 2))
        joined = channels * len(self.sides)
        before = bare if local else self.style  # a local response comes before the activation
        self.filters = nn.ModuleList(_unit(bands, channels, before, side) for side in self.sides)
        self.joint = nn.Sequential(*self._response(joined, local=local))
        self.reduce = _unit(joined, channels, before)
        self.reduced = nn.Sequential(*self._response(channels, local=local))
        self.blocks = nn.ModuleList(
            nn.Sequential(_unit(channels, channels, self.style), _unit(channels, channels, bare))
            for _ in range(depth)
        )
        self.ends = nn.ModuleList(make_activation(activation) for _ in range(depth))
        self.last = nn.ModuleList(_unit(channels, channels, self.style) for _ in range(2))
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Conv2d(channels, outputs, 1)
        initialise(self, nn.init.kaiming_uniform_)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _response(self, channels: int, *, local: bool) -> list[nn.Module]:
        """A local response and its activation, where there are any."""
        if not local:
            return []
        norm, activation = LocalResponse(channels), make_activation(self.style.activation)
        return [activation, norm] if self.style.order == AFTER else [norm, activation]

    def stages(self) -> list[Stage]:
        """Return what happens to a patch; see ``models.stages``."""
        follows = self.style.words()
        response = f"{', local response normalisation' * bool(len(self.joint))}{follows}"
        sizes = " and ".join(f"{side} x {side}" for side in self.sides)
        vector = ("", "features", "", "")
        told = [
            Stage(
                f"Convolutions over {sizes} pixels and all bands, side by side{response}",
                vector,
                before=self.reduce,
                modules=(*self.filters, self.joint),
            ),
            Stage(
                f"Dense layer on every pixel{response}",
                vector,
                self.reduced if len(self.reduced) else self.reduce,
                modules=(self.reduce, self.reduced),
            ),
        ]
        for block, end in zip(self.blocks, self.ends):
            words = f"Two dense layers on every pixel{follows}, added to what goes in"
            told.append(Stage(words, vector, end, modules=(block, end)))
        for place, layer in enumerate(self.last):
            dropped = dense_words(self.dropout.p)
            words = dropped if place else "Dense layer"
            told.append(Stage(words + follows, vector, layer, modules=(layer,)))
        words = dense_words(self.dropout.p)
        told.append(Stage(words, ("", "classes", "", ""), self.classes, modules=(self.classes,)))
        return told

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        height, width = inputs.shape[2:]
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        seen = []
        for layer, side in zip(self.filters, self.sides):
            rim = self.radius - side // 2
            seen.append(layer(inputs[..., rim : height - rim, rim : width - rim]))
        values = self.reduced(self.reduce(self.joint(torch.cat(seen, dim=1))))
        for block, end in zip(self.blocks, self.ends):
            values = end(values + block(values))
        for layer in self.last:
            values = self.dropout(layer(values))
        scores: Tensor = self.classes(values)
        return scores


def _unit(channels: int, width: int, style: Style, side: int = 1) -> Unit:
    """A layer on squares of pixels, or on every pixel by itself."""
    return Unit(nn.Conv2d(channels, width, side, bias=style.biased), style)


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 3,
    activation: str = "relu",
    norm: str = LOCAL,
    order: str = Style.order,
    width: float = 1.0,
    depth: int = 2,
    dropout: float = 0.5,
) -> LeeKwonNet:
    """Build the network from the catalog's plain options."""
    return LeeKwonNet(
        bands,
        outputs,
        patch_size=patch_size,
        width=width,
        depth=depth,
        dropout=dropout,
        norm=norm,
        activation=activation,
        order=order,
    )
