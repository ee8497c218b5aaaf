"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network, Option
from .common_options import NORMS, activation, depth, dropout, order, width
from .published import as_published

ENTRY = Network(
    name="lee_kwon_2016",
    title="Contextual network of Lee and Kwon (2-D)",
    kind="pixel",
    dims="2D",
    paper="H. Lee, H. Kwon, Contextual deep CNN based hyperspectral classification, IEEE IGARSS, "
    "2016, doi:10.1109/IGARSS.2016.7729859.",
    dense=True,
    default_patch=3,
    patch_sizes=(3, 5, 7),
    min_bands=1,
    options=(
        Option(
            "norm",
            "Norm",
            "choice",
            "local-response",
            choices=("local-response", *NORMS),
            help="Local response normalisation in two places, as published; batch norm with every "
            "hidden layer; or none.",
        ),
        activation(),
        order(),
        width(),
        depth(2, 0, 16, "residual blocks"),
        dropout(0.5),
    ),
    recipe=MappingProxyType(
        {
            "normalisation": "pca",
            "components": 40,
            "whitening": 0.5,
            "learning_rate": 1e-3,
            "epochs": 15,
            "shortest_epoch": 60,
        }
    ),
    # Of the public implementation DeepHyperX, which the parameters are counted by too,
    # with the windows of 5 x 5 pixels that it learns all pixels of.
    published=as_published(
        optimiser="adam",
        learning_rate=1e-3,
        schedule="plateau",
        rate_factor=0.1,
        plateau_patience=50,
        class_weights="none",
        batch_size=100,
        epochs=200,
        margin=1,
    ),
)
