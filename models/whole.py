"""Dense layers over the whole of a patch, as convolutions."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class WholeMap(nn.Conv2d):
    """A dense layer over all pixels and channels of a map: a convolution as large as the map.

    A patch, of which one pixel is left, is a matrix product: kernels of convolutions are slow
    at that, ``17 x 17`` pixels 17 times slower. On blocks neighbours share the map.

    Args:
        channels: of the map.
        features: that come out.
        side: of a patch's map, in pixels.

    Shapes:
        ``(N, channels, H, W) -> (N, features, H - side + 1, W - side + 1)``.
    """

    def __init__(self, channels: int, features: int, side: int) -> None:
        super().__init__(channels, features, side)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the features of every place; see the class for shapes."""
        if maps.shape[2:] == self.weight.shape[2:]:
            found = functional.linear(maps.flatten(1), self.weight.flatten(1), self.bias)
            return found[..., None, None]
        return super().forward(maps)
