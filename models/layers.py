"""Pieces that several networks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.backends import mkldnn
from torch.nn import functional


def affine(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
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


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return kernels and biases that do the work of a convolution and its batch norm at once.

    Folding the affine map into the kernels saves a pass over memory.

    Args:
        convolution: without biases of its own.
        norm: with running statistics.
    """
    scale, shift = affine(norm)
    return convolution.weight * scale[:, None, None, None], shift


def convolve_3d(layer: nn.Conv3d, values: Tensor) -> Tensor:
    """Apply a 3-D convolution.

    For one image of few rows torch takes a kernel four times slower than the library it
    takes for larger ones; without gradients the library is called whatever the size.

    Args:
        layer: with a bias, and neither groups nor dilation.
        values: ``(N, channels, depth, height, width)``.
    """
    if torch.is_grad_enabled() or values.device.type != "cpu" or not mkldnn.is_available():
        found: Tensor = layer(values)
        return found
    return torch.mkldnn_convolution(
        values,
        layer.weight,
        layer.bias,
        cast(Sequence[int], layer.padding),
        layer.stride,
        layer.dilation,
        layer.groups,
    )


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
