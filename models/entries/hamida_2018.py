"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, depth, dropout, norm, order, padding, width

ENTRY = Network(
    name="hamida_2018",
    title="Spectral-spatial network of Hamida et al. (3-D)",
    kind="pixel",
    dims="3D",
    paper="A. Ben Hamida, A. Benoit, P. Lambert, C. Ben Amar, 3-D deep learning approach for "
    "remote sensing image classification, IEEE TGRS 56(8), 2018, doi:10.1109/TGRS.2018.2818945.",
    dense=True,
    default_patch=5,
    patch_sizes=(5, 7, 9),
    min_bands=3,
    options=(
        activation(),
        norm(),
        order(),
        padding(),
        width(),
        depth(1, 0, 8, "convolutions of 3 bands before the last"),
        dropout(0.0),
    ),
    recipe=MappingProxyType({}),
)
