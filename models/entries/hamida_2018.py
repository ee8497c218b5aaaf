"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, depth, dropout, norm, order, padding, width
from .published import as_published

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
        momentum=0.0,
        nesterov=False,
        learning_rate=1e-2,
        schedule="plateau",
        rate_factor=0.1,
        plateau_patience=25,
        weight_decay=5e-4,
        class_weights="none",
        batch_size=100,
        epochs=100,
    ),
)
