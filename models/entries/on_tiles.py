"""What the entries of networks on tiles have in common."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ..entry import Option

TILE_SIDES = tuple(range(16, 513, 4))  # that they take, as far as they can halve them


def halvings(default: int) -> Option:
    """Return the choice of how often a tile is halved."""
    return Option(
        "depth",
        "Depth",
        "int",
        default,
        1,
        4,
        help="How often the tile is halved on the way down; sides of tiles are multiples of 2 "
        "to this power.",
    )


def tile_recipe(**options: Any) -> Mapping[str, Any]:
    """Return the recipe, with options of the network."""
    return MappingProxyType(
        {
            "normalisation": "pca",
            "components": 40,
            "whitening": 0.5,
            "batch_size": 8,
            "learning_rate": 3e-3,
            "epochs": 14,
            "shortest_epoch": 40,
            "longest_epoch": 40,
            "noise": 0.3,
            "options": MappingProxyType(options),
        }
    )
