"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network, Option
from .common_options import activation, depth, dropout, width
from .published import as_published

ENTRY = Network(
    name="spectralformer",
    title="SpectralFormer (transformer over bands)",
    kind="pixel",
    dims="3D",
    paper="Hong, Han, Yao, Gao, Zhang, Plaza, Chanussot: SpectralFormer: Rethinking Hyperspectral "
    "Image Classification with Transformers (2022). doi:10.1109/TGRS.2021.3130716",
    dense=False,
    default_patch=7,
    patch_sizes=(1, 3, 5, 7, 9),
    min_bands=3,
    options=(
        Option(
            "group",
            "Bands of a group",
            "choice",
            3,
            choices=(1, 3, 5, 7, 9, 11),
            help="Every band is looked at together with its neighbours, so many in all.",
        ),
        depth(5, 2, 24, "layers of attention"),
        Option(
            "heads",
            "Heads",
            "int",
            4,
            1,
            32,
            help="Views of all bands that every layer has side by side, of 16 features each.",
        ),
        activation("gelu"),
        width(),
        dropout(0.1),
    ),
    recipe=MappingProxyType(
        {
            "normalisation": "band",
            "learning_rate": 1e-3,
            "batch_size": 32,
            "epochs": 10,
            "shortest_epoch": 30,
            "longest_epoch": 30,
        }
    ),
    published=as_published(
        normalisation="min-max",
        optimiser="adam",
        schedule="multi-step",
        milestones="0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9",
        rate_factor=0.9,
        learning_rate=5e-4,
        weight_decay=5e-3,
        class_weights="none",
        keep="last",
        batch_size=64,
        epochs=300,
        monitor="balanced",
    ),
)
