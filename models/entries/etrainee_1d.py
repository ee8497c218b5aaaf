"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network, Option
from .common_options import activation, depth, dropout, order, padding, width
from .published import as_published

ENTRY = Network(
    name="etrainee_1d",
    title="E-TRAINEE spectral network (1-D)",
    kind="pixel",
    dims="1D",
    paper="E-TRAINEE course, module 4: 1-D CNN on spectra (2024).",
    dense=True,
    default_patch=1,
    patch_sizes=(1,),
    min_bands=46,
    options=(
        Option("conv1", "Channels of the first group", "int", 32, 1, 1024),
        Option("conv2", "Channels of the second group", "int", 64, 1, 1024),
        Option("conv3", "Channels of the third group", "int", 128, 1, 1024),
        Option("dense1", "Features of the first dense layer", "int", 384, 1, 8192),
        Option("dense2", "Features of the second dense layer", "int", 192, 1, 8192),
        Option("dense3", "Features of the third dense layer", "int", 96, 1, 8192),
        dropout(0.5),
        activation(),
        order(),
        padding(),
        width(),
        depth(3, 1, 6, "convolutions in each of the three groups"),
    ),
    recipe=MappingProxyType(
        {
            "normalisation": "zca",
            "components": 60,
            "whitening": 0.5,
            "learning_rate": 1e-3,
            "epochs": 8,
            "flips": False,
            "shortest_epoch": 60,
        }
    ),
    # The course weights its classes; how, is not known here.
    published=as_published(
        optimiser="adam",
        schedule="multi-step",
        rate_factor=0.3,
        batch_size=256,
        noise=0.002,
        noise_limit=0.01,
    ),
)
