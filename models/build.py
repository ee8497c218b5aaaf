"""Builds a network of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from torch import nn

from .catalog import network
from .entry import Network


def build(name: str, bands: int, outputs: int, options: Mapping[str, Any]) -> nn.Module:
    """Return a network, with random weights from torch's generator.

    Its ``radius`` says how many pixels around each pixel it looks; its forward maps
    ``(N, bands, H, W)`` to logits ``(N, outputs, H - 2 radius, W - 2 radius)``. Networks on tiles
    come in the form that learns, with a radius of 0; ``models.seamless`` makes the other.

    Args:
        name: from the catalog.
        bands: inputs of every pixel.
        outputs: classes.
        options: of the network; missing ones take their defaults, ``patch_size`` is the side
            of its patch or of its tiles.

    Raises:
        ValueError: for an unknown network or option, a value out of its range, or too few
            bands; the message says what is possible.
    """
    entry = network(name)
    given = dict(options)
    patch = int(given.pop("patch_size", 0) or entry.default_patch)
    _check(entry, bands, outputs, patch, given)
    family = import_module(f".{entry.name}", __package__)
    if len(entry.patch_sizes) > 1:
        given["patch_size"] = patch
    return cast(nn.Module, family.build(bands, outputs, **given))


def _check(
    entry: Network, bands: int, outputs: int, patch: int, options: Mapping[str, Any]
) -> None:
    """Refuse what the network cannot be built with."""
    if bands < entry.min_bands:
        raise ValueError(f"{entry.title} needs at least {entry.min_bands} bands; it gets {bands}.")
    if outputs < 1:
        raise ValueError(f"{entry.title} needs at least one class; it gets {outputs}.")
    if patch not in entry.patch_sizes:
        raise ValueError(f"{entry.title} takes {entry.sizes_told()}, not {patch}.")
    known = {option.name: option for option in entry.options}
    for name, value in options.items():
        if name not in known:
            names = ", ".join(known) or "none"
            raise ValueError(f"{entry.title} has no option '{name}'; it has {names}.")
        known[name].check(value)


def count_parameters(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad)
