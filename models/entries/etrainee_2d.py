"""The catalog's entry."""

from __future__ import annotations

from ..entry import Network
from .common_options import activation, dropout, order, width
from .on_tiles import TILE_SIDES, halvings, tile_recipe
from .published import as_published

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
        halvings(2),
        width(),
        dropout(0.5),
        activation(),
        order(),
    ),
    recipe=tile_recipe(width=0.5, dropout=0.2),
    published=as_published(
        optimiser="adam",
        schedule="multi-step",
        class_weights="inverse",
        normalisation="band",
        rate_factor=0.3,
        noise=0.002,
        noise_limit=0.01,
        flips=True,
        symmetry="turns",
        patch_size=128,
    ),
)
