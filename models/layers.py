"""Pieces that several networks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.backends import mkldnn
from torch.nn import functional

PATCH = 81  # pixels of the largest patch that is learnt in the library's own layout
BLOCK = 16  # channels that this layout keeps together


def affine(norm: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) -> tuple[Tensor, Tensor]:
    """Return the factor and the summand of every channel that a batch norm is in evaluation mode.

    Args:
        norm: with running statistics.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("Only a batch norm with running statistics is an affine map.")
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if norm.affine:
        scale = norm.weight * scale
    shift = -norm.running_mean * scale
    return scale, norm.bias + shift if norm.affine else shift


def folded(
    convolution: nn.Conv2d | nn.Conv3d | SummedConvolution, norm: nn.BatchNorm2d | nn.BatchNorm3d
) -> tuple[Tensor, Tensor]:
    """Return kernels and biases that do the work of a convolution and its batch norm at once.

    Folding the affine map into the kernels saves a pass over memory.

    Args:
        convolution: with or without biases of its own.
        norm: with running statistics.
    """
    scale, shift = affine(norm)
    if convolution.bias is not None:
        shift = shift + scale * convolution.bias
    return convolution.weight * scale.view(-1, *[1] * (convolution.weight.ndim - 1)), shift


def convolve_3d(
    layer: nn.Conv3d | SummedConvolution,
    values: Tensor,
    weights: tuple[Tensor, Tensor | None] | None = None,
) -> Tensor:
    """Apply a 3-D convolution.

    For one image of few rows torch takes a kernel four times slower than the library it
    takes for larger ones; without gradients the library is called whatever the size.

    Args:
        layer: with neither groups nor dilation.
        values: ``(N, channels, depth, height, width)``.
        weights: kernels and biases in place of the layer's own.
    """
    if torch.is_grad_enabled() and weights is None:
        found: Tensor = layer(values)
        return found
    weight, bias = weights or (layer.weight, layer.bias)
    if values.device.type != "cpu" or not mkldnn.is_available():
        return functional.conv3d(values, weight, bias, layer.stride, layer.padding)
    return torch.mkldnn_convolution(
        values,
        weight,
        bias,
        cast(Sequence[int], layer.padding),
        layer.stride,
        layer.dilation,
        layer.groups,
    )


class BandKernels(nn.Conv2d):
    """Kernels of a 3-D convolution that slide over the bands: those below one are its channels."""

    slides_over_bands = True  # inputs of its weights are not the pixel's inputs


class BandConvolution(BandKernels):
    """A 3-D convolution of an image's bands, which have no channels yet.

    Convolution kernels are slow at a single input channel: here the bands below a kernel are
    the channels of a 2-D convolution, whose weights are those of the 3-D one.

    Args:
        width: channels that come out.
        bands: below a kernel.
        side: of a kernel in pixels.
        stride: from one kernel to the next, in bands.
        padding: zeros at either end of the spectrum.
        bias: whether there is one.

    Shapes:
        ``(N, bands, H, W) -> (N, width, spectrum, H - side + 1, W - side + 1)``, in the layout
        ``channels_last_3d`` or, of small patches that are learnt, the usual one: the layers
        behind go on in it.
    """

    def __init__(
        self, width: int, bands: int, side: int, *, stride: int = 1, padding: int = 0, bias: bool
    ) -> None:
        super().__init__(bands, width, side, bias=bias)
        self.bands, self.step, self.ends = bands, stride, padding

    def forward(self, inputs: Tensor) -> Tensor:
        """Convolve with the own weights."""
        return self.convolve(inputs, self.weight, self.bias)

    def convolve(self, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve with other weights of the same shape."""
        height, width = inputs.shape[2:]
        if torch.is_grad_enabled() and height * width <= PATCH and not len(weight) % BLOCK:
            # Patches by themselves in the library's own layout: measured up to 2.7 times as fast.
            kernels, step, ends = weight[:, None], (self.step, 1, 1), (self.ends, 0, 0)
            return functional.conv3d(inputs[:, None], kernels, bias, stride=step, padding=ends)
        if self.ends:
            inputs = functional.pad(inputs, (0, 0, 0, 0, self.ends, self.ends))
        windows = inputs.unfold(1, self.bands, self.step).permute(0, 1, 4, 2, 3)
        images = windows.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        found = functional.conv2d(images, weight, bias)
        return torch.unflatten(found, 0, windows.shape[:2]).transpose(1, 2)


class SummedConvolution(nn.Module):
    """Convolutions of several lengths along the spectrum around the same middle, added up.

    Convolution is linear: it is one convolution with the sum of the kernels, the shorter ones
    with zeros around them. One of 11 bands takes little more than half the work of 1, 3, 5 and 11.

    Args:
        channels: that come in.
        width: channels that come out.
        scales: bands below each kernel, odd.
        padding: zeros at either end of the spectrum.
        bias: whether each has one.

    Shapes:
        ``(N, channels, spectrum, h, w) -> (N, width, ., h, w)``.
    """

    stride = dilation = (1, 1, 1)
    groups = 1

    def __init__(
        self, channels: int, width: int, scales: Sequence[int], *, padding: int, bias: bool
    ) -> None:
        super().__init__()
        self.parts = nn.ModuleList(
            nn.Conv3d(channels, width, (bands, 1, 1), bias=bias) for bands in scales
        )
        self.out_channels = width
        self.longest = max(scales)
        self.padding = (padding, 0, 0)

    @property
    def weight(self) -> Tensor:
        """The sum of the kernels."""
        padded = []
        for part in self.parts:
            kernel = cast(nn.Conv3d, part).weight
            margin = (self.longest - kernel.shape[2]) // 2
            padded.append(functional.pad(kernel, (0, 0, 0, 0, margin, margin)))
        return torch.stack(padded).sum(0)

    @property
    def bias(self) -> Tensor | None:
        """The sum of the biases."""
        biases = [cast(nn.Conv3d, part).bias for part in self.parts]
        present = [bias for bias in biases if bias is not None]
        return torch.stack(present).sum(0) if present else None

    def forward(self, values: Tensor) -> Tensor:
        """Convolve with the sums."""
        return functional.conv3d(values, self.weight, self.bias, padding=self.padding)


def pool_bands(values: Tensor, size: int) -> Tensor:
    """Max-pool the spectrum, then rectify: the same as rectifying first, on less memory.

    Args:
        values: ``(N, spectrum, ..., channels)``; a rest of the spectrum shorter than ``size``
            is left out.
        size: neighbours that become one.

    Returns:
        ``(N, spectrum // size, ..., channels)``.
    """
    count = values.shape[1] // size
    groups = values[:, : count * size].unflatten(1, (count, size))
    if torch.is_grad_enabled():
        # One kernel that remembers the winner: backward is twice as fast as through maximum.
        inner = groups.flatten(1, 2).flatten(2, -2)
        pooled = functional.max_pool2d(inner.permute(0, 3, 1, 2), (size, 1)).permute(0, 2, 3, 1)
        pooled = functional.relu(pooled)
        return torch.unflatten(pooled, 2, values.shape[2:-1])
    pooled = torch.maximum(groups[:, :, 0], groups[:, :, 1])
    for neighbour in range(2, size):
        torch.maximum(pooled, groups[:, :, neighbour], out=pooled)
    rectified: Tensor = pooled.relu_()
    return rectified


def on_cpu(values: Tensor) -> bool:
    """Return whether a CPU computes: also the meta device, which stands in for one."""
    return values.device.type in {"cpu", "meta"}
