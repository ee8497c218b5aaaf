"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import TILE_SIDES, Network, Option
from .common_options import activation, dropout, order, width

ENTRY = Network(
    name="etrainee_2d",
    title="E-TRAINEE spatial network (2-D, tiles)",
    kind="tile",
    dims="2D",
    paper="E-TRAINEE course, module 4: 2-D encoder-decoder on tiles (2024).",
    dense=True,
    default_patch=128,
    patch_sizes=TILE_SIDES,
    min_bands=1,
    options=(
        Option(
            "depth",
            "Depth",
            "int",
            2,
            1,
            4,
            help="How often the tile is halved on the way down; sides of tiles are multiples of 2 "
            "to this power.",
        ),
        width(),
        dropout(0.5),
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
            "options": MappingProxyType({"width": 0.5, "dropout": 0.2}),
        }
    ),
    published=MappingProxyType(
        {
            "optimiser": "adam",
            "schedule": "multi-step",
            "class_weights": "inverse",
            "normalisation": "band",
            "rate_factor": 0.3,
            "weight_decay": 0.0,
            "noise": 0.002,
            "noise_limit": 0.01,
            "flips": True,
            "symmetry": "turns",
            "monitor": "loss",
            "clip": 0.0,
            "shortest_epoch": 1,
            "longest_epoch": 1_000_000,
            "patch_size": 128,
        }
    ),
)
