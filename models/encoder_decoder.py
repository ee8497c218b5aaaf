"""Pieces of networks that take whole tiles: encoders, decoders, and how far they look.

A tile network keeps the size of its input, ``(N, bands, H, W) -> (N, outputs, H, W)``; height and
width are multiples of ``multiple``, because it halves them ``depth`` times. Its convolutions pad
the tile. Pixels within ``margin`` of a tile's rim see that padding; the others see the same
pixels in every tile that begins at a multiple of ``multiple``: see ``models.seamless``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from .activations import make_activation
from .stages import Stage, dense_words

CONVOLUTIONS = 2  # of every level
CHANNELS = 64  # of a 2-D network's first level; twice as many in each further one
NORM_FIRST = "convolution-norm-activation"
MAPS = ("", "features", "rows", "columns")
LAYER = "Convolution over 3 x 3 pixels, batch norm, activation"


class Layer(nn.Module):
    """A convolution that keeps the size, batch norm and activation.

    Args:
        convolution: without biases.
        norm: a batch norm of its outputs.
        activation: see ``models.activations``.
        order: ``convolution-norm-activation``, or ``convolution-activation-norm``.
    """

    def __init__(
        self, convolution: nn.Module, norm: nn.Module, activation: str, order: str
    ) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = norm
        self.activation = make_activation(activation)
        self.norm_first = order == NORM_FIRST

    def forward(self, values: Tensor) -> Tensor:
        """Return as many rows and columns as were given."""
        values = self.convolution(values)
        if self.norm_first:
            return cast(Tensor, self.activation(self.norm(values)))
        return cast(Tensor, self.norm(self.activation(values)))


def convolved(channels: int, outputs: int, activation: str, order: str) -> Layer:
    """Return a layer over 3 x 3 pixels; the tile is mirrored at its rim, as published."""
    convolution = nn.Conv2d(channels, outputs, 3, padding=1, padding_mode="reflect", bias=False)
    return Layer(convolution, nn.BatchNorm2d(outputs), activation, order)


def level(channels: int, outputs: int, activation: str, order: str) -> nn.Sequential:
    """Return the layers of one level: the first changes the channels."""
    ins = [channels] + [outputs] * (CONVOLUTIONS - 1)
    return nn.Sequential(*(convolved(width, outputs, activation, order) for width in ins))


def raised(channels: int, outputs: int) -> nn.ConvTranspose2d:
    """Return the layer that doubles rows and columns: every pixel becomes 2 x 2."""
    return nn.ConvTranspose2d(channels, outputs, 2, stride=2)


class TileNetwork(nn.Module):
    """What all networks on tiles have.

    Args:
        depth: how often they halve the tile.
        patch_size: side of the tiles that it is trained on, in pixels; changes no weight.

    Attributes:
        radius: 0: as many pixels come out as go in.
        multiple: that height and width must be multiples of.
        margin: pixels at a tile's rim that see its padding.
        tile: side of the tiles that it is trained on.

    Raises:
        ValueError: a side that cannot be halved so often.
    """

    radius = 0

    def __init__(self, depth: int, patch_size: int) -> None:
        super().__init__()
        self.multiple = 2**depth
        self.margin = receptive_margin(depth)
        self.tile = patch_size
        if patch_size % self.multiple or patch_size < 2 * self.multiple:
            raise ValueError(
                f"With a depth of {depth} the network takes tiles whose side is a multiple of "
                f"{self.multiple}, at least {2 * self.multiple} pixels; PATCH_SIZE is {patch_size}."
            )


def receptive_margin(depth: int) -> int:
    """Return how many pixels an output pixel looks up, down, left or right at the most.

    A pixel's way back through the network: two convolutions in each level of the decoder, down to
    the coarsest, and up again through those of the encoder. Every halving joins the pixels of
    pairs that begin at even positions, so that the reach depends on the position.

    Args:
        depth: how often the network halves its input.
    """
    farthest = 0
    for pixel in range(2**depth):
        low = high = pixel
        for _ in range(depth):
            low, high = (low - CONVOLUTIONS) // 2, (high + CONVOLUTIONS) // 2
        low, high = low - CONVOLUTIONS, high + CONVOLUTIONS
        for _ in range(depth):
            low, high = 2 * low - CONVOLUTIONS, 2 * high + 1 + CONVOLUTIONS
        farthest = max(farthest, pixel - low, high - pixel)
    return farthest


def layer_stages(layers: Iterable[nn.Module]) -> list[Stage]:
    """Return the stages of layers over pixels."""
    return [Stage(LAYER, MAPS, layer, modules=(layer,)) for layer in layers]


def raised_stage(layer: nn.Module) -> Stage:
    """Return the stage of a layer that doubles rows and columns."""
    words = "Every pixel becomes 2 x 2 (transposed convolution)"
    return Stage(words, MAPS, layer, modules=(layer,))


def class_stage(dropout: nn.Dropout2d, classes: nn.Module) -> Stage:
    """Return the last stage."""
    words = dense_words(dropout.p, of=" of the features", where=" on every pixel")
    return Stage(words, ("", "classes", "rows", "columns"), classes, modules=(classes,))


def scaled(channels: Sequence[int], width: float) -> list[int]:
    """Return numbers of channels times a factor, at least 1."""
    return [max(round(count * width), 1) for count in channels]


class PlaneNetwork(TileNetwork):
    """Down ``depth`` levels of 2-D layers and up again.

    Args:
        bands: inputs of every pixel.
        outputs: classes.
        patch_size: side of the tiles that it is trained on.
        skips: on the way up every level also gets the features that it had on the way down.
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
        skips: bool,
        patch_size: int,
        depth: int,
        width: float,
        dropout: float,
        activation: str,
        order: str,
    ) -> None:
        super().__init__(depth, patch_size)
        self.skips = skips
        channels = scaled([CHANNELS * 2**step for step in range(depth + 1)], width)
        kind = (activation, order)
        self.encoder = nn.ModuleList(
            level(before, own, *kind) for before, own in zip([bands, *channels], channels)
        )
        self.pool = nn.MaxPool2d(2)
        upwards = list(zip(reversed(channels[1:]), reversed(channels[:-1])))
        self.raised = nn.ModuleList(raised(own, above if skips else own) for own, above in upwards)
        self.decoder = nn.ModuleList(
            level(2 * above if skips else own, above, *kind) for own, above in upwards
        )
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
            told.append(raised_stage(rise))  # type: ignore[arg-type]
            if self.skips:
                words = "The features that the encoder had at this size beside these"
                told.append(Stage(words, MAPS, before=layers))
            told += layer_stages(layers)  # type: ignore[arg-type]
        return [*told, class_stage(self.dropout, self.classes)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        values, kept = inputs, []
        for step, layers in enumerate(self.encoder):
            values = layers(self.pool(values) if step else values)
            if self.skips:
                kept.append(values)
        del kept[-1:]
        for rise, layers in zip(self.raised, self.decoder):
            values = rise(values)
            values = layers(torch.cat([kept.pop(), values], dim=1) if self.skips else values)
        scores: Tensor = self.classes(self.dropout(values))
        return scores
