"""U-Net: a 2-D encoder-decoder on tiles whose levels hand their features across.

After O. Ronneberger, P. Fischer and T. Brox, "U-Net: Convolutional Networks for Biomedical Image
Segmentation", MICCAI 2015, doi:10.1007/978-3-319-24574-4_28: two convolutions of 3 x 3 pixels a
level, a maximum of 2 x 2 pixels between levels, twice the channels in every further level;
transposed convolutions of 2 x 2 pixels back up, the level's own features beside what comes from
below. Two things differ: batch norm follows every convolution (the paper predates its use here),
and convolutions pad the tile instead of shrinking it, so that all its pixels are learnt.
"""

from __future__ import annotations

from .encoder_decoder import NORM_FIRST, PlaneNetwork


def build(
    bands: int,
    outputs: int,
    *,
    patch_size: int = 64,
    depth: int = 3,
    width: float = 0.5,
    dropout: float = 0.2,
    activation: str = "relu",
    order: str = NORM_FIRST,
) -> PlaneNetwork:
    """Build the network from the catalog's plain options."""
    return PlaneNetwork(
        bands,
        outputs,
        skips=True,
        patch_size=patch_size,
        depth=depth,
        width=width,
        dropout=dropout,
        activation=activation,
        order=order,
    )
