"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network, Option

ENTRY = Network(
    name="multiscale",
    title="Multi-scale spectral-spatial network (recommended)",
    kind="pixel",
    dims="2D",
    paper="This project; see docs/benchmarks.md.",
    dense=True,
    default_patch=9,
    patch_sizes=(1, 3, 5, 7, 9, 11, 13),
    min_bands=1,
    options=(
        Option("members", "Members that are averaged", "int", 3, 1, 64),
        Option("width", "Spectral features", "int", 64, 4, 1024),
        Option("hidden", "Hidden features", "int", 128, 4, 4096),
        Option("dropout", "Dropout", "float", 0.5, 0.0, 0.95),
    ),
    recipe=MappingProxyType(
        {
            "normalisation": "pca",
            "components": 40,
            "whitening": 0.5,
            "learning_rate": 3e-3,
            "weight_decay": 1e-2,
            "flips": False,  # means over squares are the same in all eight
            "keep": "last",
            "epochs": 15,
            "shortest_epoch": 60,
            "longest_epoch": 300,
        }
    ),
)
