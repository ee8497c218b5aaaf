"""Layers of networks that are told in one line each: convolution, batch norm, activation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .activations import make_activation
from .layers import BandConvolution, SummedConvolution, convolve_3d, folded

AFTER = "convolution-activation-norm"
WORDS = {"relu": "ReLU", "leaky": "leaky ReLU", "prelu": "PReLU", "gelu": "GELU", "tanh": "tanh"}


@dataclass(frozen=True)
class Style:
    """What follows every convolution of a network.

    Attributes:
        activation: a name from ``models.activations``; empty for none.
        norm: ``none`` or ``batch``.
        order: whether the norm comes before or after the activation, as
            ``entries.common_options.ORDERS`` names it.
    """

    activation: str = "relu"
    norm: str = "none"
    order: str = "convolution-norm-activation"

    @property
    def biased(self) -> bool:
        """Whether convolutions have a bias of their own: a norm right behind would undo it."""
        return self.norm == "none" or self.order == AFTER

    def parts(self, width: int, *, flat: bool) -> list[nn.Module]:
        """Return new modules that follow a convolution.

        Args:
            width: its channels.
            flat: it is of two dimensions, not of three.
        """
        found: list[nn.Module] = []
        if self.activation:
            found.append(make_activation(self.activation))
        if self.norm == "batch":
            norm = nn.BatchNorm2d(width) if flat else nn.BatchNorm3d(width)
            found.insert(len(found) if self.order == AFTER else 0, norm)
        return found

    def words(self) -> str:
        """Return what follows, to be put behind the name of a layer."""
        found = [WORDS[self.activation]] if self.activation else []
        if self.norm == "batch":
            found.insert(len(found) if self.order == AFTER else 0, "batch norm")
        return "".join(f", {part}" for part in found)


class Unit(nn.Module):
    """A convolution and what follows it; without gradients its batch norm is folded into it.

    Args:
        convolution: biased as the style says.
        style: what follows.
    """

    def __init__(
        self, convolution: nn.Conv2d | nn.Conv3d | SummedConvolution, style: Style
    ) -> None:
        super().__init__()
        self.convolution = convolution
        flat = isinstance(convolution, nn.Conv2d) and not isinstance(convolution, BandConvolution)
        self.after = nn.Sequential(*style.parts(convolution.out_channels, flat=flat))
        if isinstance(convolution, nn.Conv2d):  # in three dimensions the values decide
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, values: Tensor) -> Tensor:
        """Return convolved, normalised, activated values."""
        if self.training or torch.is_grad_enabled():
            learnt: Tensor = self.after(self.convolution(values))
            return learnt
        weight, bias = self.convolution.weight, self.convolution.bias
        rest = list(self.after)
        if rest and isinstance(rest[0], (nn.BatchNorm2d, nn.BatchNorm3d)):
            weight, bias = folded(self.convolution, rest.pop(0))  # type: ignore[arg-type]
        values = self._convolve(values, weight, bias)
        for layer in rest:
            values = values.relu_() if isinstance(layer, nn.ReLU) else layer(values)
        return values

    def _convolve(self, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        layer = self.convolution
        if isinstance(layer, BandConvolution):
            return layer.convolve(values, weight, bias)
        if isinstance(layer, nn.Conv2d):
            return functional.conv2d(values, weight, bias, layer.stride, layer.padding)
        return convolve_3d(layer, values, (weight, bias))


def spectral_padding(choice: str, kernel: int, published: int) -> int:
    """Return the zeros at either end of a spectrum before a convolution.

    Args:
        choice: ``published``, ``none`` or ``same``: as long as before, or one band shorter
            where the kernel is even.
        kernel: bands below it.
        published: what the paper's network has there.
    """
    return {"published": published, "none": 0, "same": (kernel - 1) // 2}[choice]


def convolved(length: int, kernel: int, *, stride: int = 1, padding: int = 0) -> int:
    """Return the length of a spectrum after a convolution; below 1 where it is too short."""
    return (length + 2 * padding - kernel) // stride + 1


def check_bands(title: str, bands: int, lengths: Callable[[int], Sequence[int]]) -> None:
    """Refuse a spectrum of which nothing is left somewhere in a network.

    Args:
        title: of the network.
        bands: of the spectrum.
        lengths: gives what is left of so many bands after every layer.

    Raises:
        ValueError: with the fewest bands that are enough.
    """
    least = bands
    while min(lengths(least)) < 1:
        least += 1
    if least > bands:
        raise ValueError(
            f"{title} with these options needs at least {least} bands; it gets {bands}."
        )


def widened(channels: int, factor: float) -> int:
    """Return channels times a factor, at least one."""
    return max(round(channels * factor), 1)


def initialise(network: nn.Module, kernels: Callable[[Tensor], Tensor]) -> None:
    """Give a network initial kernels, and biases of zero.

    Args:
        network: whose convolutions are meant.
        kernels: fills a weight in place.
    """
    for layer in network.modules():
        if not isinstance(layer, (nn.Conv2d, nn.Conv3d)):
            continue
        # Of a convolution of bands as the 3-D one that it is: its fans decide the range.
        weight = layer.weight[:, None] if isinstance(layer, BandConvolution) else layer.weight
        with torch.no_grad():
            kernels(weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
