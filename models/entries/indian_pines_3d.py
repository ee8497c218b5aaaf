"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, depth, dropout, norm, order, padding, width
from .published import as_published

ENTRY = Network(
    name="indian_pines_3d",
    title="Indian Pines spectral-spatial network (3-D)",
    kind="pixel",
    dims="3D",
    paper="Indian Pines course: 3-D CNN on windows of 9 x 9 pixels and all bands.",
    dense=True,
    default_patch=9,
    patch_sizes=(7, 9, 11, 13),
    min_bands=22,
    options=(
        activation(),
        norm(),
        order(),
        padding(),
        width(),
        depth(3, 1, 3, "convolutions"),
        dropout(0.0),
    ),
    # Windows of 17 x 17 centres share most of their work: a step of four teaches up to
    # 1,156 pixels for the price of some fifty single patches.
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
    # An epoch is one pass. The weights with the best loss are kept, which here is that of
    # validation pixels and there was that of the test pixels.
    published=as_published(
        normalisation="global",
        initialisation="glorot",
        loss="squared-error",
        optimiser="sgd",
        momentum=0.0,
        nesterov=False,
        learning_rate=1.0,
        schedule="inverse-time",
        rate_decay=5e-6,
        class_weights="none",
        batch_size=50,
        epochs=600,
    ),
)
