"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network, Option
from .common_options import activation, depth, dropout, norm, order, padding, width

ENTRY = Network(
    name="he_2017",
    title="Multi-scale spectral-spatial network of He et al. (3-D)",
    kind="pixel",
    dims="3D",
    paper="M. He, B. Li, H. Chen, Multi-scale 3D deep convolutional neural network for "
    "hyperspectral image classification, IEEE ICIP, 2017, doi:10.1109/ICIP.2017.8297014.",
    dense=True,
    default_patch=7,
    patch_sizes=(5, 7, 9, 11),
    min_bands=17,
    options=(
        Option(
            "pooling",
            "Pooling",
            "choice",
            "none",
            choices=("none", "maximum"),
            help="A maximum of 3 bands and 2 x 2 pixels before the dense layer, which then has an "
            "eighth of the weights; or none.",
        ),
        activation(),
        norm(),
        order(),
        padding(),
        width(),
        depth(2, 0, 8, "sums of kernels of several lengths"),
        dropout(0.6),
    ),
    # Windows around 17 x 17 centres share most of their work, see indian_pines_3d.
    recipe=MappingProxyType(
        {
            "normalisation": "pca",
            "components": 40,
            "whitening": 0.5,
            "learning_rate": 1e-3,
            "batch_size": 4,
            "margin": 8,
            "epochs": 10,
            "shortest_epoch": 40,
            "longest_epoch": 40,
        }
    ),
)
