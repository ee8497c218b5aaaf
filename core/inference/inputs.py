"""From physical values of a raster block to what a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.normalisation import Normalisation
from ..raster.source import RasterBlock

if TYPE_CHECKING:
    from torch import Tensor


class Normaliser:
    """Applies a normalisation to whole blocks, in place where it can.

    Args:
        normalisation: of the model.
    """

    def __init__(self, normalisation: Normalisation) -> None:
        import torch

        self.outputs = normalisation.outputs
        self._mean = torch.from_numpy(normalisation.mean)[:, None]
        self._transform = torch.from_numpy(normalisation.transform)

    def apply(self, block: RasterBlock) -> Tensor:
        """Normalise a block; its values are used up.

        Args:
            block: ``(bands, height, width)`` physical values; NaN becomes the training mean.

        Returns:
            ``(inputs, height, width)`` float32, 0 at invalid pixels.
        """
        import torch

        height, width = block.valid.shape
        values = torch.from_numpy(block.values).flatten(1)
        values.sub_(self._mean).nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
        invalid = torch.from_numpy(~block.valid).flatten()
        if self._transform.ndim == 1:
            values.mul_(self._transform[:, None])
            if invalid.any():
                values[:, invalid] = 0.0
            return values.view(-1, height, width)
        # Pixels times components: what comes out has a pixel's inputs side by side.
        rows = values.t() @ self._transform
        rows[invalid] = 0.0
        return rows.view(height, width, -1).permute(2, 0, 1)
