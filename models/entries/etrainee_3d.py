"""The catalog's entry."""

from __future__ import annotations

from ..entry import Network, Option
from .common_options import activation, dropout, order, width
from .on_tiles import TILE_SIDES, halvings, tile_recipe
from .published import as_published

ENTRY = Network(
    name="etrainee_3d",
    title="E-TRAINEE spectral-spatial network (3-D, tiles)",
    kind="tile",
    dims="3D",
    paper="E-TRAINEE course, module 4: 3-D encoder, 2-D decoder on tiles (2024).",
    dense=True,
    default_patch=64,
    patch_sizes=TILE_SIDES,
    min_bands=4,
    options=(
        halvings(2),
        width(),
        Option(
            "padding",
            "Padding of the spectrum",
            "choice",
            "same",
            choices=("same", "valid"),
            help="same: every convolution adds a band of zeros at both ends of the spectrum; "
            "valid: the spectrum shrinks by two bands instead.",
        ),
        dropout(0.5),
        activation(),
        order(),
    ),
    recipe=tile_recipe(dropout=0.2),
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
        patch_size=64,
    ),
)
