"""Pieces that several networks share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return kernels and biases that do the work of a convolution and its batch norm at once.

    In evaluation mode a batch norm is an affine map of every output: folding it into the
    kernels saves a pass over memory.

    Args:
        convolution: without biases of its own.
        norm: with running statistics.
    """
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("Only a batch norm with running statistics can be folded.")
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return convolution.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


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
