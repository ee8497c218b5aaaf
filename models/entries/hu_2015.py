"""The catalog's entry."""

from __future__ import annotations

from types import MappingProxyType

from ..entry import Network, Option
from .common_options import activation, depth, dropout, norm, order, padding, width
from .published import as_published

ENTRY = Network(
    name="hu_2015",
    title="Spectral network of Hu et al. (1-D)",
    kind="pixel",
    dims="1D",
    paper="W. Hu, Y. Huang, L. Wei, F. Zhang, H. Li, Deep convolutional neural networks for "
    "hyperspectral image classification, Journal of Sensors, 2015, doi:10.1155/2015/258619.",
    dense=True,
    default_patch=1,
    patch_sizes=(1,),
    min_bands=1,
    options=(
        Option(
            "kernel",
            "Kernel",
            "int",
            0,
            0,
            256,
            help="Bands below a kernel; 0 takes a ninth of the spectrum, as published.",
        ),
        Option(
            "pool",
            "Maximum",
            "int",
            0,
            0,
            64,
            help="Bands of which the maximum goes on; 0 takes a fifth of the kernel, as published.",
        ),
        activation("tanh"),
        norm(),
        order(),
        padding(),
        width(),
        depth(1, 1, 8, "hidden dense layers"),
        dropout(0.0),
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
    # Of the public implementation DeepHyperX, which the parameters are counted by too.
    published=as_published(
        optimiser="sgd",
        momentum=0.0,
        nesterov=False,
        learning_rate=1e-2,
        schedule="plateau",
        rate_factor=0.1,
        plateau_patience=25,
        class_weights="none",
        batch_size=100,
        epochs=100,
    ),
)
