"""Networks as their sources write them: layers of torch one after the other, poolings strided.

The catalog's networks have forms of their own, for speed and for whole blocks. A step of
training is measured against the faster of both, so that a slow form of ours cannot pass for the
network's own work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from hsicnn.core.training.optimisers import make_optimiser
from hsicnn.core.training.settings import TrainingSettings
from hsicnn.models.build import count_parameters
from torch import Tensor, nn


@dataclass(eq=False)
class Form:
    """A network with an optimiser of its own, to be trained step by step.

    Attributes:
        title: what the table says.
        network: in training mode.
        optimiser: of its weights.
        forward: name of the pass that training takes.
        seconds: of the steps so far, one figure a repetition.
    """

    title: str
    network: nn.Module
    optimiser: torch.optim.Optimizer
    forward: str = "forward"
    seconds: list[float] = field(default_factory=list)


class Spectra(nn.Module):
    """Layers over ``(N, 1, bands)`` spectra, which are patches of one pixel."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, inputs: Tensor) -> Tensor:
        """Map ``(N, bands, 1, 1)`` to ``(N, classes, 1, 1)``."""
        scores: Tensor = self.layers(inputs.flatten(2).transpose(1, 2))
        return scores[..., None, None]


class Volumes(nn.Module):
    """Layers over ``(N, 1, bands, H, W)`` cubes, then over what is left of the patch."""

    def __init__(self, layers: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self.head = head

    def forward(self, inputs: Tensor) -> Tensor:
        """Map ``(N, bands, H, W)`` to ``(N, classes, h, w)``."""
        scores: Tensor = self.head(self.layers(inputs[:, None]).flatten(1, 2))
        return scores


def spectral_net(bands: int, outputs: int) -> nn.Module:
    """E-TRAINEE's 1-D network: Conv1d, batch norm, ReLU; maxima of two bands."""
    layers: list[nn.Module] = []
    channels, length = 1, bands
    for group, width in enumerate((32, 64, 128)):
        if group:
            layers.append(nn.MaxPool1d(2))
            length //= 2
        for _ in range(3):
            layers += [nn.Conv1d(channels, width, 3, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
            channels, length = width, length - 2
    layers.append(nn.Flatten())
    features = channels * length
    for width in (384, 192, 96):
        layers += [nn.Linear(features, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        features = width
    return Spectra(nn.Sequential(*layers, nn.Dropout(0.5), nn.Linear(features, outputs)))


def spectral_spatial_net(bands: int, outputs: int) -> nn.Module:
    """The Indian Pines course's 3-D network: Conv3d, ReLU, maxima of bands; 9 x 9 pixels."""
    layers: list[nn.Module] = []
    channels, length = 1, bands
    for width, zeros, pool in ((48, 0, 3), (32, 2, 3), (32, 2, 2)):
        convolution = nn.Conv3d(channels, width, (5, 3, 3), padding=(zeros, 0, 0))
        layers += [convolution, nn.ReLU(), nn.MaxPool3d((pool, 1, 1))]
        channels, length = width, (length + 2 * zeros - 4) // pool
    head = nn.Sequential(
        nn.Conv2d(channels * length, 128, 3),  # a dense layer on what is left of a patch
        nn.ReLU(),
        nn.Conv2d(128, 128, 1),
        nn.ReLU(),
        nn.Conv2d(128, outputs, 1),
    )
    return Volumes(nn.Sequential(*layers), head)


#: By the catalog's names. Networks that are not here are written this way in the catalog.
PUBLISHED: Mapping[str, Callable[[int, int], nn.Module]] = {
    "etrainee_1d": spectral_net,
    "indian_pines_3d": spectral_spatial_net,
}


def published_form(own: nn.Module, inputs: int, outputs: int, settings: TrainingSettings) -> Form:
    """Return a network of the catalog as its source writes it.

    Args:
        own: the catalog's, with its options left alone.
        inputs: channels of every pixel.
        outputs: classes.
        settings: of the training.

    Raises:
        ValueError: it has other weights than the catalog's.
    """
    network = PUBLISHED[settings.architecture](inputs, outputs)
    counts = count_parameters(network), count_parameters(own)
    if counts[0] != counts[1]:
        raise ValueError(f"{settings.architecture}: {counts[0]} weights as published, {counts[1]}.")
    return Form("published", network.train(), make_optimiser(network, settings))
