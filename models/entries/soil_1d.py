"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, depth, dropout, norm, order, padding, width

ENTRY = Network(
    name="soil_1d",
    title="Soil course spectral network (1-D)",
    kind="pixel",
    dims="1D",
    paper="Soil course: 1-D CNN on spectra; here its trunk with classes behind it.",
    dense=True,
    default_patch=1,
    patch_sizes=(1,),
    min_bands=1,
    options=(
        activation(),
        norm(),
        order(),
        padding(),
        width(),
        depth(3, 1, 8, "convolutions, each of which halves the spectrum"),
        dropout(0.0),
    ),
    recipe=MappingProxyType(
        {
            "normalisation": "zca",
            "components": 60,
            "whitening": 0.5,
            "learning_rate": 1e-3,
            "epochs": 8,
            "flips": False,
            "shortest_epoch": 60,
        }
    ),
)
