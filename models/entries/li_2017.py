"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, depth, dropout, norm, order, padding, width
from .published import as_published

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
    # Of the public implementation DeepHyperX, which the parameters are counted by too.
    published=as_published(
        optimiser="sgd",
        momentum=0.9,
        nesterov=False,
        learning_rate=1e-2,
        schedule="plateau",
        rate_factor=0.1,
        plateau_patience=50,
        weight_decay=5e-4,
        class_weights="none",
        batch_size=100,
        epochs=200,
    ),
)
