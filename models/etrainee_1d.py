"""E-TRAINEE "SpectralNet": a 1-D network of single spectra.

After the E-TRAINEE course, module 4 "Time series analysis with machine learning", 1-D CNN of
the Krkonose and Pavia exercises. Three times [convolution of 3 bands, batch norm, ReLU] x 3,
with a maximum of 2 bands after the first and the second group; then three dense layers
[linear, batch norm, ReLU], dropout and the classes. How it lies in memory: ``models.spectra``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .activations import make_activation
from .layers import folded
from .spectra import PixelSpectra, as_image, as_rows
from .stages import Stage, dense_words
from .units import AFTER, Style, check_bands, convolved, spectral_padding, widened

KERNEL = 3  # bands
POOL = 2
PUBLISHED = Style(norm="batch")


def spectral_lengths(bands: int, groups: int, depth: int, ends: int) -> list[int]:
    """Return the length of the spectrum after every convolution.

    Args:
        bands: of the inputs.
        groups: of convolutions, with a maximum of two bands between them.
        depth: convolutions a group.
        ends: zeros at either end before each.
    """
    found, length = [], bands
    for group in range(groups):
        if group:
            length //= POOL
        for _ in range(depth):
            length = convolved(length, KERNEL, padding=ends)
            found.append(length)
    return found


class SpectralNet(PixelSpectra):
    """Convolutions along the spectrum of every pixel by itself.

    Args:
        bands: inputs of every pixel; as published at least 46.
        outputs: classes.
        convolutions: channels of the three groups.
        dense: features of the three dense layers.
        dropout: share of the last features dropped in training.
        depth: convolutions a group.
        padding: of the spectrum, see ``units.spectral_padding``; published is none.
        style: what follows every layer, a batch norm always.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H, W)``.

    Raises:
        ValueError: the spectrum is too short.
    """

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        convolutions: Sequence[int] = (32, 64, 128),
        dense: Sequence[int] = (384, 192, 96),
        dropout: float = 0.5,
        depth: int = 3,
        padding: str = "published",
        style: Style = PUBLISHED,
    ) -> None:
        super().__init__()
        ends, groups = spectral_padding(padding, KERNEL, 0), len(convolutions)
        check_bands(
            "The E-TRAINEE spectral network",
            bands,
            lambda count: spectral_lengths(count, groups, depth, ends),
        )
        self.depth, self.style = depth, style
        self.numbers = bands * convolutions[0]
        self.convolutions = nn.ModuleList()
        self.convolution_norms = nn.ModuleList()
        channels = 1
        for width in convolutions:
            for _ in range(depth):
                kernel = (KERNEL, 1)
                self.convolutions.append(
                    nn.Conv2d(channels, width, kernel, padding=(ends, 0), bias=style.biased)
                )
                self.convolution_norms.append(nn.BatchNorm2d(width))
                channels = width
        length = spectral_lengths(bands, groups, depth, ends)[-1]
        self.dense = nn.ModuleList()
        self.dense_norms = nn.ModuleList()
        for width in dense:
            # The first dense layer reads the whole rest of the spectrum.
            self.dense.append(nn.Conv2d(channels, width, (length, 1), bias=style.biased))
            self.dense_norms.append(nn.BatchNorm2d(width))
            channels, length = width, 1
        self.activations = nn.ModuleList(
            make_activation(style.activation)
            for _ in range(len(self.convolutions) + len(self.dense))
        )
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Conv2d(channels, outputs, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def stages(self) -> list[Stage]:
        """Return what happens to a spectrum; see ``models.stages``."""
        spectrum, vector = ("", "features", "bands", ""), ("", "features", "", "")
        told, follows = [], self.style.words()
        for place, (layer, norm, activation) in enumerate(self._layers()):
            last = activation if self.style.order != AFTER else norm
            convolution = place < len(self.convolutions)
            if convolution and self._pooled_before(place):
                told.append(Stage(f"Maximum of every {POOL} bands", spectrum, before=layer))
            words = f"Convolution over {KERNEL} bands" if convolution else "Dense layer"
            axes = spectrum if convolution else vector
            told.append(Stage(words + follows, axes, last, modules=(layer, norm, activation)))
        words = dense_words(self.dropout.p)
        told.append(Stage(words, ("", "classes", "", ""), self.classes, modules=(self.classes,)))
        return told

    def _layers(self) -> list[tuple[nn.Conv2d, nn.BatchNorm2d, nn.Module]]:
        """Every layer with its norm and its activation."""
        layers = [*self.convolutions, *self.dense]
        norms = [*self.convolution_norms, *self.dense_norms]
        return [
            (cast(nn.Conv2d, layer), cast(nn.BatchNorm2d, norm), activation)
            for layer, norm, activation in zip(layers, norms, self.activations)
        ]

    def _pooled_before(self, place: int) -> bool:
        """Whether a maximum of bands comes before this layer."""
        return 0 < place < len(self.convolutions) and place % self.depth == 0

    def learn(self, spectra: Tensor) -> Tensor:
        """``(bands, n)`` spectra to ``(n, outputs)`` logits, layer by layer."""
        values = as_image(spectra)
        for place, (layer, norm, activation) in enumerate(self._layers()):
            if self._pooled_before(place):
                values = functional.max_pool2d(values, (POOL, 1))
            values = layer(values)
            first, second = (activation, norm) if self.style.order == AFTER else (norm, activation)
            values = second(first(values))
        return as_rows(self.classes(self.dropout(values)))

    def infer(self, spectra: Tensor) -> Tensor:
        """The same in chunks that stay in the cache; as published with folded batch norms."""
        if self.style != PUBLISHED:
            return super().infer(spectra)
        kernels = [folded(layer, norm) for layer, norm, _ in self._layers()]
        return torch.cat([self._infer_chunk(part, kernels) for part in self.chunks(spectra)])

    def _infer_chunk(self, spectra: Tensor, kernels: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        values = as_image(spectra)
        for place, (weight, bias) in enumerate(kernels):
            convolution = place < len(self.convolutions)
            ends = cast(nn.Conv2d, self.convolutions[place]).padding if convolution else 0
            values = functional.conv2d(values, weight, bias, padding=ends)
            if self._pooled_before(place + 1):
                pairs = values[:, :, : values.shape[2] // POOL * POOL].unflatten(2, (-1, POOL))
                values = torch.maximum(pairs[:, :, :, 0], pairs[:, :, :, 1])
            values = values.relu_()
        return as_rows(self.classes(values))


def build(
    bands: int,
    outputs: int,
    *,
    conv1: int = 32,
    conv2: int = 64,
    conv3: int = 128,
    dense1: int = 384,
    dense2: int = 192,
    dense3: int = 96,
    dropout: float = 0.5,
    activation: str = "relu",
    order: str = PUBLISHED.order,
    padding: str = "published",
    width: float = 1.0,
    depth: int = 3,
) -> SpectralNet:
    """Build the network from the catalog's plain options."""
    return SpectralNet(
        bands,
        outputs,
        convolutions=[widened(channels, width) for channels in (conv1, conv2, conv3)],
        dense=[widened(features, width) for features in (dense1, dense2, dense3)],
        dropout=dropout,
        depth=depth,
        padding=padding,
        style=replace(PUBLISHED, activation=activation, order=order),
    )
