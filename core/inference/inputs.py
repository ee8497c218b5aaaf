"""From physical values of a raster block to what a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.normalisation import Normalisation, normalise_tensor
from ..data.stacked_normalisation import StackedNormalisation
from ..raster.source import RasterBlock

if TYPE_CHECKING:
    from torch import Tensor


class Normaliser:
    """Applies a normalisation to whole blocks, in place where it can.

    Args:
        normalisation: of the model; of an ensemble several, whose outputs are stacked.
    """

    def __init__(self, normalisation: Normalisation | StackedNormalisation) -> None:
        import torch

        if isinstance(normalisation, StackedNormalisation):
            parts = normalisation.parts
        else:
            parts = (normalisation,)
        self.outputs = normalisation.outputs
        self._parts = [
            (torch.from_numpy(part.mean), torch.from_numpy(part.transform)) for part in parts
        ]

    def empty(self, height: int, width: int) -> Tensor:
        """Return room for ``(inputs, height, width)``, laid out as ``apply`` makes it."""
        import torch

        if all(transform.ndim == 1 for _, transform in self._parts):
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
        *others, last = self._parts
        # The last one uses the values up; the others take copies in the same layout.
        rows = [normalise_tensor(spectra.clone(), *part, invalid) for part in others]
        rows.append(normalise_tensor(spectra, *last, invalid))
        found = [part.view(height, width, -1).permute(2, 0, 1) for part in rows]
        return torch.cat(found) if others else found[0]
