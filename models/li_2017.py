"""The 3-D network of Li et al.: two convolutions in space and spectrum, one dense layer.

Y. Li, H. Zhang, Q. Shen, "Spectral-spatial classification of hyperspectral imagery with 3D
convolutional neural network", Remote Sensing 9(1), 67, 2017, doi:10.3390/rs9010067. Convolutions of
3 x 3 pixels and 7 bands, then of 3 x 3 pixels and 3 bands, with 16 and 32 channels and a padding of
1 in the spectrum, ReLU, a dense layer. Nothing is padded in space: a patch of 5 x 5 pixels is one
pixel after the second. Parameters for 200 bands and 16 classes: 115,248, the published count; a
larger patch leaves more for the dense layer to read.
"""

from __future__ import annotations

from torch import nn

from .units import Style, spectral_padding, widened
from .volumes import VolumeLayer, VolumeNetwork

FIRST, REST = 7, 3  # bands of the first convolution, and of the others
PLANES = 16  # channels of the first; the others have twice as many
ENDS = 1  # zeros at either end of the spectrum, as published


def network_layers(width: float, depth: int, padding: str, style: Style) -> list[VolumeLayer]:
    """Return the convolutions.

    Args:
        width: factor on all channels.
        depth: their number; those after the second see single pixels.
        padding: see ``units.spectral_padding``.
        style: what follows every convolution.
    """
    few, many = widened(PLANES, width), widened(2 * PLANES, width)
    ends = spectral_padding(padding, REST, ENDS)
    return [
        VolumeLayer(few, FIRST, 3, style, ends=spectral_padding(padding, FIRST, ENDS)),
        VolumeLayer(many, REST, 3, style, ends=ends),
        *[VolumeLayer(many, REST, 1, style, ends=ends)] * (depth - 2),
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
    depth: int = 2,
    dropout: float = 0.0,
) -> VolumeNetwork:
    """Build the network from the catalog's plain options."""
    return VolumeNetwork(
        "The network of Li et al.",
        bands,
        outputs,
        network_layers(width, depth, padding, Style(activation, norm, order)),
        patch_size=patch_size,
        dropout=dropout,
        kernels=nn.init.xavier_uniform_,
    )
