"""The multi-scale 3-D network of He et al.: kernels of several lengths along the spectrum.

M. He, B. Li, H. Chen, "Multi-scale 3D deep convolutional neural network for hyperspectral image
classification", IEEE International Conference on Image Processing, 2017,
doi:10.1109/ICIP.2017.8297014. A convolution of 3 x 3 pixels and 11 bands at every third band; twice
the sum of four convolutions of 1, 3, 5 and 11 bands side by side; a convolution of 2 x 2 pixels
and 3 bands; 16 channels and ReLU everywhere; dropout 0.6, a dense layer. Nothing is padded in
space: of a patch of 7 x 7 pixels 4 x 4 are left for the dense layer. Parameters for 200 bands and
16 classes: 269,024, as in the public implementation, which has no maximum before the dense layer;
``pooling`` puts one of 3 bands and 2 x 2 pixels there, which leaves 35,552.
"""

from __future__ import annotations

from torch import nn

from .units import Style, spectral_padding, widened
from .volumes import Maximum, VolumeLayer, VolumeNetwork

CHANNELS = 16
FIRST, LAST = 11, 3  # bands of the first and of the last convolution
SCALES = (1, 3, 5, 11)  # bands of the kernels side by side
POOLING = {"none": Maximum(), "maximum": Maximum(bands=3, pixels=2)}


def network_layers(width: float, depth: int, padding: str, style: Style) -> list[VolumeLayer]:
    """Return the convolutions.

    Args:
        width: factor on all channels.
        depth: sums of kernels of several lengths.
        padding: see ``units.spectral_padding``; published is as much as keeps the length around
            the sums, and none elsewhere.
        style: what follows every convolution.
    """
    channels, longest = widened(CHANNELS, width), max(SCALES)
    ends = spectral_padding(padding, longest, longest // 2)
    sums = VolumeLayer(channels, longest, 1, style, ends=ends, scales=SCALES)
    start = spectral_padding(padding, FIRST, 0)
    return [
        VolumeLayer(channels, FIRST, 3, style, stride=3, ends=start),
        *[sums] * depth,
        VolumeLayer(channels, LAST, 2, style, ends=spectral_padding(padding, LAST, 0)),
    ]


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 7,
    pooling: str = "none",
    activation: str = "relu",
    norm: str = "none",
    order: str = Style.order,
    padding: str = "published",
    width: float = 1.0,
    depth: int = 2,
    dropout: float = 0.6,
) -> VolumeNetwork:
    """Build the network from the catalog's plain options."""
    return VolumeNetwork(
        "The network of He et al.",
        bands,
        outputs,
        network_layers(width, depth, padding, Style(activation, norm, order)),
        maximum=POOLING[pooling],
        patch_size=patch_size,
        dropout=dropout,
        kernels=nn.init.kaiming_uniform_,
    )
