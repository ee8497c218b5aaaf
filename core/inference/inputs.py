"""From physical values of a raster block to what a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.normalisation import Normalisation, normalise_tensor
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
        self._mean = torch.from_numpy(normalisation.mean)
        self._transform = torch.from_numpy(normalisation.transform)

    def empty(self, height: int, width: int) -> Tensor:
        """Return room for ``(inputs, height, width)``, laid out as ``apply`` makes it."""
        import torch

        if self._transform.ndim == 1:
            return torch.empty(self.outputs, height, width)
        return torch.empty(height, width, self.outputs).permute(2, 0, 1)

    def apply(self, block: RasterBlock) -> Tensor:
        """Normalise a block; its values are used up.

        Args:
            block: ``(bands, height, width)`` physical values; NaN becomes the training mean.

        Returns:
            ``(inputs, height, width)`` float32, 0 at invalid pixels.
        """
        import torch

        height, width = block.valid.shape
        spectra = torch.from_numpy(block.values).flatten(1).t()
        invalid = torch.from_numpy(~block.valid).flatten()
        rows = normalise_tensor(spectra, self._mean, self._transform, invalid)
        return rows.view(height, width, -1).permute(2, 0, 1)
