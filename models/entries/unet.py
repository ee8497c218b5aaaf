"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, dropout, order, width
from .on_tiles import TILE_SIDES, halvings, tile_recipe
from .published import as_published

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
        halvings(3),
        width(0.5),
        dropout(0.2),
        activation(),
        order(),
    ),
    recipe=tile_recipe(depth=2, width=0.25),
    published=as_published(
        optimiser="sgd",
        momentum=0.99,
        nesterov=False,
        schedule="constant",
        class_weights="inverse",
        options=MappingProxyType({"depth": 4, "width": 1.0}),
        flips=True,
    ),
)
