"""E-TRAINEE "SpatialNet": a 2-D encoder-decoder on tiles, without skips.

After the E-TRAINEE course, module 4, 2-D CNN of the Krkonose and Pavia exercises. Two layers
[convolution of 3 x 3 pixels, batch norm, ReLU] a level with 64, 128 and 256 channels, a maximum of
2 x 2 pixels between levels; back up with transposed convolutions of 2 x 2 pixels and two layers a
level, of 128 and 64 channels; dropout of whole features, and the classes of every pixel.
"""

from __future__ import annotations

from .encoder_decoder import NORM_FIRST, PlaneNetwork


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 128,
    depth: int = 2,
    width: float = 1.0,
    dropout: float = 0.5,
    activation: str = "relu",
    order: str = NORM_FIRST,
) -> PlaneNetwork:
    """Build the network from the catalog's plain options."""
    return PlaneNetwork(
        bands,
        outputs,
        skips=False,
        patch_size=patch_size,
        depth=depth,
        width=width,
        dropout=dropout,
        activation=activation,
        order=order,
    )
