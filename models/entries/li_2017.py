"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, depth, dropout, norm, order, padding, width

ENTRY = Network(
    name="li_2017",
    title="Spectral-spatial network of Li et al. (3-D)",
    kind="pixel",
    dims="3D",
    paper="Y. Li, H. Zhang, Q. Shen, Spectral-spatial classification of hyperspectral imagery with "
    "3D convolutional neural network, Remote Sensing 9(1), 67, 2017, doi:10.3390/rs9010067.",
    dense=True,
    default_patch=5,
    patch_sizes=(5, 7, 9),
    min_bands=5,
    options=(
        activation(),
        norm(),
        order(),
        padding(),
        width(),
        depth(2, 2, 8, "convolutions; those after the second see single pixels"),
        dropout(0.0),
    ),
    recipe=MappingProxyType({}),
)
