"""E-TRAINEE "SpectralNet": a 1-D network of single spectra.

After the E-TRAINEE course, module 4 "Time series analysis with machine learning", 1-D CNN of
the Krkonose and Pavia exercises. Three times [convolution of 3 bands, batch norm, ReLU] x 3,
with a maximum of 2 bands after the first and the second group; then three dense layers
[linear, batch norm, ReLU], dropout and the classes.

Memory layout: the spectrum is an image's height and the pixels are its width, channels last.
All pixels of a block are then one long row for every band, which is what convolution kernels
are fastest at: 0.97 of the matrix-product rate on one core, against 0.86 with one image a
spectrum and 0.79 as Conv1d.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import folded, on_cpu
from .stages import Stage

GROUP = 3  # convolutions a group
FEATURES = 1 << 21  # of the first layer at once on a CPU: they then stay in its cache


class SpectralNet(nn.Module):
    """Convolutions along the spectrum of every pixel by itself.

    Args:
        bands: inputs of every pixel, at least 46.
        outputs: classes.
        convolutions: channels of the three groups.
        dense: features of the three dense layers.
        dropout: share of the last features dropped in training.

    Shapes:
        ``(N, bands, H, W) -> (N, outputs, H, W)``.
    """

    radius = 0

    def __init__(
        self,
        bands: int,
        outputs: int,
        *,
        convolutions: Sequence[int] = (32, 64, 128),
        dense: Sequence[int] = (384, 192, 96),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList()
        self.convolution_norms = nn.ModuleList()
        channels, length = 1, bands
        for group, width in enumerate(convolutions):
            for _ in range(GROUP):
                self.convolutions.append(nn.Conv2d(channels, width, (3, 1), bias=False))
                self.convolution_norms.append(nn.BatchNorm2d(width))
                channels, length = width, length - 2
            if group < len(convolutions) - 1:
                length //= 2
        self.dense = nn.ModuleList()
        self.dense_norms = nn.ModuleList()
        for width in dense:
            # The first dense layer reads the whole rest of the spectrum.
            self.dense.append(nn.Conv2d(channels, width, (length, 1), bias=False))
            self.dense_norms.append(nn.BatchNorm2d(width))
            channels, length = width, 1
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Conv2d(channels, outputs, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def stages(self) -> list[Stage]:
        """Return what happens to a spectrum; see ``models.stages``."""
        spectrum, vector = ("", "features", "bands", ""), ("", "features", "", "")
        told = []
        for place, (layer, norm) in enumerate(zip(self.convolutions, self.convolution_norms)):
            if place and place % GROUP == 0:
                told.append(Stage("Maximum of every 2 bands", spectrum, before=layer))
            words = "Convolution over 3 bands, batch norm, ReLU"
            told.append(Stage(words, spectrum, norm, modules=(layer, norm)))
        for layer, norm in zip(self.dense, self.dense_norms):
            words = "Dense layer, batch norm, ReLU"
            told.append(Stage(words, vector, norm, modules=(layer, norm)))
        words = f"Dropout of {self.dropout.p:.0%} in training, dense layer"
        told.append(Stage(words, ("", "classes", "", ""), self.classes, modules=(self.classes,)))
        return told

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits; see the class for shapes."""
        images, bands, height, width = inputs.shape
        spectra = inputs.permute(1, 0, 2, 3).reshape(bands, -1)
        if self.training or torch.is_grad_enabled():
            scores = self._learn(spectra)
        else:
            scores = self._infer(spectra)
        return scores.view(images, height, width, -1).permute(0, 3, 1, 2)

    def _learn(self, spectra: Tensor) -> Tensor:
        """``(bands, n)`` spectra to ``(n, outputs)`` logits, layer by layer."""
        values = _as_image(spectra)
        last = len(self.convolutions) - 1
        for place, (layer, norm) in enumerate(zip(self.convolutions, self.convolution_norms)):
            values = functional.relu(norm(layer(values)))
            if place % GROUP == GROUP - 1 and place < last:
                values = functional.max_pool2d(values, (2, 1))
        for layer, norm in zip(self.dense, self.dense_norms):
            values = functional.relu(norm(layer(values)))
        return _as_rows(self.classes(self.dropout(values)))

    def _infer(self, spectra: Tensor) -> Tensor:
        """The same with folded batch norms, in chunks that stay in the cache."""
        layers = [*self.convolutions, *self.dense]
        norms = [*self.convolution_norms, *self.dense_norms]
        kernels = [
            folded(cast(nn.Conv2d, layer), cast(nn.BatchNorm2d, norm))
            for layer, norm in zip(layers, norms)
        ]
        chunk = max(spectra.shape[1], 1)
        if on_cpu(spectra):
            chunk = max(FEATURES // (len(spectra) * len(kernels[0][1])) // 128 * 128, 128)
        found = [self._infer_chunk(part, kernels) for part in spectra.split(chunk, dim=1)]
        return torch.cat(found)

    def _infer_chunk(self, spectra: Tensor, kernels: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
        values = _as_image(spectra)
        last = len(self.convolutions) - 1
        for place, (weight, bias) in enumerate(kernels):
            values = functional.conv2d(values, weight, bias)
            if place % GROUP == GROUP - 1 and place < last:
                pairs = values[:, :, : values.shape[2] // 2 * 2].unflatten(2, (-1, 2))
                values = torch.maximum(pairs[:, :, :, 0], pairs[:, :, :, 1])
            values = values.relu_()
        return _as_rows(self.classes(values))


def _as_image(spectra: Tensor) -> Tensor:
    """``(bands, n)`` to ``(1, 1, bands, n)`` in channels-last memory."""
    return spectra.contiguous()[None, :, :, None].permute(0, 3, 1, 2)


def _as_rows(scores: Tensor) -> Tensor:
    """``(1, outputs, 1, n)`` to ``(n, outputs)``."""
    return scores[0, :, 0].t()


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
) -> SpectralNet:
    """Build the network from the catalog's plain options."""
    return SpectralNet(
        bands,
        outputs,
        convolutions=(conv1, conv2, conv3),
        dense=(dense1, dense2, dense3),
        dropout=dropout,
    )
