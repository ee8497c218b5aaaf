"""Builds a network of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from .catalog import network


def build(name: str, bands: int, outputs: int, options: Mapping[str, Any]) -> nn.Module:
    """Return a network, with random weights from torch's generator.

    Args:
        name: from the catalog.
        bands: inputs of every pixel.
        outputs: classes.
        options: of the network; missing ones take their defaults, ``patch_size`` is the side.

    Raises:
        ValueError: for what the network cannot be built with.
    """
    from .multiscale import MultiScale

    entry = network(name)
    given = dict(options)
    patch = int(given.pop("patch_size", entry.default_patch))
    return MultiScale(bands, outputs, radius=(patch - 1) // 2, **given)


def count_parameters(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
