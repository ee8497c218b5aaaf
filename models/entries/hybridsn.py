"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, dropout, norm, order, width
from .published import as_published

ENTRY = Network(
    name="hybridsn",
    title="HybridSN (3-D, then 2-D)",
    kind="pixel",
    dims="3D",
    paper="Roy, Krishna, Dubey, Chaudhuri: HybridSN: Exploring 3-D-2-D CNN Feature Hierarchy for "
    "Hyperspectral Image Classification (2020). doi:10.1109/LGRS.2019.2918719",
    dense=True,
    default_patch=25,
    patch_sizes=(9, 11, 13, 15, 17, 19, 21, 23, 25),
    min_bands=13,
    options=(activation(), norm(), order(), width(), dropout(0.4)),
    recipe=MappingProxyType(
        {
            "normalisation": "pca",
            "components": 15,
            "whitening": 0.5,
            "learning_rate": 1e-3,
            "batch_size": 32,
            "epochs": 10,
            "shortest_epoch": 30,
            "longest_epoch": 60,
        }
    ),
    # 15 components; 30 for Indian Pines.
    published=as_published(
        normalisation="pca",
        components=15,
        whitening=1.0,
        optimiser="adam",
        schedule="inverse-time",
        rate_decay=1e-6,
        learning_rate=1e-3,
        class_weights="none",
        batch_size=256,
        epochs=100,
    ),
)
