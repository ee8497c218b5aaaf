"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, dropout, width
from .published import as_published

ENTRY = Network(
    name="ssrn",
    title="SSRN (residual, along the spectrum, then in space)",
    kind="pixel",
    dims="3D",
    paper="Zhong, Li, Luo, Chapman: Spectral-Spatial Residual Network for Hyperspectral Image "
    "Classification: A 3-D Deep Learning Framework (2018). doi:10.1109/TGRS.2017.2755542",
    dense=True,
    default_patch=7,
    patch_sizes=(5, 7, 9, 11, 13),
    min_bands=7,
    options=(activation(), width(), dropout(0.5)),
    recipe=MappingProxyType(
        {
            "normalisation": "pca",
            "components": 40,
            "whitening": 0.5,
            "learning_rate": 1e-3,
            "batch_size": 32,
            "epochs": 10,
            "shortest_epoch": 30,
            "longest_epoch": 60,
        }
    ),
    # The optimiser was RMSprop; Adam is the nearest that there is.
    published=as_published(
        normalisation="band",
        optimiser="adam",
        schedule="constant",
        learning_rate=3e-4,
        class_weights="none",
        batch_size=16,
        epochs=200,
    ),
)
