"""What a network has to be given around a tile: pixels that it looks at, from where it can begin.

Some networks join the pixels of an image in squares, counted from its first row and column. What
they say of a pixel depends on nothing but the raster as long as every image that they are given
begins and ends where such squares do: at multiples of ``multiple`` of the raster's own rows and
columns, whatever part of it is classified.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Reach:
    """What a network asks of the images it is given.

    Attributes:
        radius: pixels that it looks around each pixel.
        multiple: of which an image's first row and column, height and width are multiples.
    """

    radius: int
    multiple: int = 1

    @classmethod
    def of(cls, network: nn.Module) -> Reach:
        """Return what a network of the catalog asks for, in the form that classifies."""
        return cls(int(network.radius), int(getattr(network, "multiple", 1)))  # type: ignore[arg-type]

    @property
    def halo(self) -> int:
        """Pixels to be read around a block, so that every tile of it finds its image."""
        return self.radius + self.multiple - 1

    def longest(self, length: int) -> int:
        """Return the most rows of an image that gives so many rows of a tile."""
        longest = length + 2 * self.radius + self.multiple - 1
        return -(-longest // self.multiple) * self.multiple

    def cut(self, first: int, length: int, origin: int) -> tuple[slice, slice]:
        """Return which rows of a block's image give a tile; columns go likewise.

        Args:
            first: the tile's first row in its block.
            length: its rows.
            origin: the block's first row in the raster.

        Returns:
            Of the block with its halo, the rows to give to the network; and of what that returns,
            the rows of the tile.
        """
        skipped = (origin + first - self.radius) % self.multiple
        rows = skipped + length + 2 * self.radius
        rows += -rows % self.multiple
        start = first + self.multiple - 1 - skipped
        return slice(start, start + rows), slice(skipped, skipped + length)
