"""The 3-D network of Hamida et al.: convolutions in space and spectrum, strided ones between.

A. Ben Hamida, A. Benoit, P. Lambert, C. Ben Amar, "3-D deep learning approach for remote sensing
image classification", IEEE Transactions on Geoscience and Remote Sensing 56(8), 2018,
doi:10.1109/TGRS.2018.2818945. Twice [convolution of 3 x 3 pixels and 3 bands, ReLU, convolution of
3 bands at every second band], with 20 and 35 channels; convolutions of 3 and of 2 bands, the second
at every second band, ReLU; one dense layer. Nothing is padded in space: a patch of 5 x 5 pixels is
one pixel after the second convolution. Parameters for 200 bands and 16 classes: 45,196, the
published count; a larger patch leaves more for the dense layer to read.
"""

from __future__ import annotations

from dataclasses import replace

from torch import nn

from .units import Style, spectral_padding, widened
from .volumes import VolumeLayer, VolumeNetwork

FEW, MANY = 20, 35  # channels before and after the second convolution in space
BANDS = 3  # of every convolution but the last
LAST = 2  # bands of that


def network_layers(width: float, depth: int, padding: str, style: Style) -> list[VolumeLayer]:
    """Return the convolutions.

    Args:
        width: factor on all channels.
        depth: convolutions of 3 bands between the second strided one and the last.
        padding: see ``units.spectral_padding``; published is 1 before all convolutions but
            the first.
        style: what follows every convolution; the strided ones between have no activation.
    """
    few, many = widened(FEW, width), widened(MANY, width)
    start = spectral_padding(padding, BANDS, 0)
    ends = spectral_padding(padding, BANDS, 1)
    between = replace(style, activation="")
    plain = VolumeLayer(many, BANDS, 1, style, ends=ends)
    return [
        VolumeLayer(few, BANDS, 3, style, ends=start),
        VolumeLayer(few, BANDS, 1, between, stride=2, ends=ends),
        VolumeLayer(many, BANDS, 3, style, ends=ends),
        VolumeLayer(many, BANDS, 1, between, stride=2, ends=ends),
        *[plain] * depth,
        VolumeLayer(many, LAST, 1, style, stride=2, ends=spectral_padding(padding, LAST, 1)),
    ]


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 5,
    activation: str = "relu",
    norm: str = "none",
    order: str = Style.order,
    padding: str = "published",
    width: float = 1.0,
    depth: int = 1,
    dropout: float = 0.0,
) -> VolumeNetwork:
    """Build the network from the catalog's plain options."""
    return VolumeNetwork(
        "The network of Hamida et al.",
        bands,
        outputs,
        network_layers(width, depth, padding, Style(activation, norm, order)),
        patch_size=patch_size,
        dropout=dropout,
        kernels=nn.init.kaiming_normal_,
    )
