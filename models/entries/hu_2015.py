"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network, Option
from .common_options import activation, depth, dropout, norm, order, padding, width

ENTRY = Network(
    name="hu_2015",
    title="Spectral network of Hu et al. (1-D)",
    kind="pixel",
    dims="1D",
    paper="W. Hu, Y. Huang, L. Wei, F. Zhang, H. Li, Deep convolutional neural networks for "
    "hyperspectral image classification, Journal of Sensors, 2015, doi:10.1155/2015/258619.",
    dense=True,
    default_patch=1,
    patch_sizes=(1,),
    min_bands=1,
    options=(
        Option(
            "kernel",
            "Kernel",
            "int",
            0,
            0,
            256,
            help="Bands below a kernel; 0 takes a ninth of the spectrum, as published.",
        ),
        Option(
            "pool",
            "Maximum",
            "int",
            0,
            0,
            64,
            help="Bands of which the maximum goes on; 0 takes a fifth of the kernel, as published.",
        ),
        activation("tanh"),
        norm(),
        order(),
        padding(),
        width(),
        depth(1, 1, 8, "hidden dense layers"),
        dropout(0.0),
    ),
    recipe=MappingProxyType({}),
)
