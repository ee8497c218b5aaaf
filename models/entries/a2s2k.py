"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network
from .common_options import activation, dropout, width
from .published import as_published

ENTRY = Network(
    name="a2s2k",
    title="A2S2K-ResNet (adaptive kernels, attention)",
    kind="pixel",
    dims="3D",
    paper="Roy, Manna, Song, Bruzzone: Attention-Based Adaptive Spectral-Spatial Kernel ResNet for "
    "Hyperspectral Image Classification (2021). doi:10.1109/TGRS.2020.3043267",
    dense=False,
    default_patch=7,
    patch_sizes=(5, 7, 9, 11),
    min_bands=7,
    options=(activation(), width(), dropout(0.0)),
    recipe=MappingProxyType(
        {
            "normalisation": "pca",
            "components": 40,
            "whitening": 0.5,
            "learning_rate": 1e-3,
            "batch_size": 32,
            "epochs": 10,
            "shortest_epoch": 30,
            "longest_epoch": 30,
        }
    ),
    published=as_published(
        normalisation="pca",
        components=0,
        whitening=1.0,
        optimiser="adam",
        schedule="cosine",
        learning_rate=1e-3,
        class_weights="none",
        patience=20,
        batch_size=16,
        epochs=200,
    ),
)
