"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import TILE_SIDES, Network, Option
from .common_options import activation, dropout, order, width

ENTRY = Network(
    name="unet",
    title="U-Net (2-D, tiles)",
    kind="tile",
    dims="2D",
    paper="Ronneberger, Fischer and Brox: U-Net, MICCAI 2015, doi:10.1007/978-3-319-24574-4_28.",
    dense=True,
    default_patch=64,
    patch_sizes=TILE_SIDES,
    min_bands=1,
    options=(
        Option(
            "depth",
            "Depth",
            "int",
            3,
            1,
            4,
            help="How often the tile is halved on the way down; sides of tiles are multiples of 2 "
            "to this power.",
        ),
        width(0.5),
        dropout(0.2),
        activation(),
        order(),
    ),
    recipe=MappingProxyType(
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
            "options": MappingProxyType({"depth": 2, "width": 0.25}),
        }
    ),
    published=MappingProxyType(
        {
            "optimiser": "sgd",
            "momentum": 0.99,
            "nesterov": False,
            "weight_decay": 0.0,
            "monitor": "loss",
            "schedule": "constant",
            "class_weights": "inverse",
            "clip": 0.0,
            "shortest_epoch": 1,
            "longest_epoch": 1_000_000,
            "options": MappingProxyType({"depth": 4, "width": 1.0}),
        }
    ),
)
