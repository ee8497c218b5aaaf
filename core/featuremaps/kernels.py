"""The kernels of a network, as what can be drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from ..data.normalisation import Normalisation
from ..modelfile.bundle import ModelBundle

if TYPE_CHECKING:
    from torch import nn

Array = npt.NDArray[Any]
MOST_LAYERS = 12
MOST_KERNELS = 24  # of a layer
MOST_WEIGHTS = 64  # rows and columns of a dense layer's matrix
MATRIX = 2  # axes of a dense layer's weights


@dataclass(frozen=True, eq=False)
class Kernels:
    """Kernels of a layer.

    Attributes:
        number: of the layer, from 1.
        words: what the layer does.
        count: how many kernels it has.
        shape: of one kernel: inputs, then what it goes over.
        spectra: ``(n, bands)``: what every band counts for, where the layer is linear in the
            bands: the change for one standard deviation of the band; else nothing.
        images: of the first kernels, each two-dimensional; or the one matrix of a dense layer.
    """

    number: int
    words: str
    count: int
    shape: tuple[int, ...]
    spectra: Array | None
    images: Sequence[Array]

    @property
    def is_matrix(self) -> bool:
        """Whether the images are one matrix of a dense layer, and not kernels."""
        return int(np.prod(self.shape[1:])) == 1


def kernels_of(network: nn.Module, bundle: ModelBundle) -> list[Kernels]:
    """Return the kernels of the first layers that have some.

    Of several of one shape in a layer, as members of a network have, the first ones are taken.

    Args:
        network: of the model, that tells its stages.
        bundle: the model: what its bands become before the first layer.
    """
    from ...models.stages import Staged

    found: list[Kernels] = []
    for number, stage in enumerate(cast(Staged, network).stages(), start=1):
        alike: set[tuple[int, ...]] = set()
        sliding = set(_sliding(stage.modules))
        for part, weight in _weights(stage.modules):
            if len(found) == MOST_LAYERS:
                return found
            if tuple(weight.shape) in alike:
                continue
            alike.add(tuple(weight.shape))
            values = weight.detach().cpu().numpy()
            spectra = None
            if (
                not found
                and part not in sliding
                and values.shape[1] == bundle.normalisation.outputs
            ):
                spectra = _over_bands(values, bundle)
            found.append(
                Kernels(
                    number, stage.words, len(values), values.shape[1:], spectra, _images(values)
                )
            )
    return found


def _weights(modules: Sequence[nn.Module]) -> Iterator[tuple[nn.Module, Any]]:
    """Yield the matrices and kernels of modules and of what they hold, each with its module."""
    from ...models.layers import BandKernels, SummedConvolution

    for module in modules:
        summed: set[nn.Module] = set()
        for part in module.modules():
            if isinstance(part, SummedConvolution):  # one layer, with the sum of its kernels
                summed.update(part.modules())
                yield part, part.weight
            if part in summed:
                continue
            for name, weight in part.named_parameters(recurse=False):
                if name.endswith("weight") and weight.ndim >= MATRIX:
                    # It keeps the bands below a kernel as channels; they are not: it is 3-D.
                    yield part, weight[:, None] if isinstance(part, BandKernels) else weight


def _sliding(modules: Sequence[nn.Module]) -> Iterator[nn.Module]:
    """Yield what goes over the bands step by step: its inputs are some of them at a time."""
    for module in modules:
        for part in module.modules():
            if getattr(part, "slides_over_bands", False):
                yield from part.modules()


def _over_bands(values: Array, bundle: ModelBundle) -> Array:
    """What a deviation of every band changes: kernels mapped back through the normalisation.

    Over pixels they are summed up: the answer to a patch that is alike everywhere.
    """
    summed = values.reshape(*values.shape[:2], -1).sum(2)[:MOST_KERNELS]
    matrix = cast(Normalisation, bundle.normalisation).matrix  # one network has one
    over_bands = summed @ matrix.T
    deviation = np.asarray(bundle.statistics["deviation"], dtype=np.float64)
    return np.asarray(over_bands * deviation, dtype=np.float64)


def _images(values: Array) -> list[Array]:
    """Return kernels as images: on the input each weighs most, slices of volumes side by side."""
    taps = int(np.prod(values.shape[2:]))
    if taps == 1:
        return [values.reshape(values.shape[:2])[:MOST_WEIGHTS, :MOST_WEIGHTS]]
    return [_image(kernel) for kernel in values[:MOST_KERNELS]]


def _image(kernel: Array) -> Array:
    strongest = int(np.abs(kernel).reshape(len(kernel), -1).sum(1).argmax())
    part = kernel[strongest]
    part = part.reshape([size for size in part.shape if size > 1] or [1])
    if part.ndim == 1:
        return np.asarray(part[None])
    if part.ndim == MATRIX:
        return np.asarray(part)
    gap = np.full((part.shape[1], 1), np.nan, dtype=part.dtype)
    slices = [piece for layer in part for piece in (layer, gap)]
    return np.asarray(np.concatenate(slices[:-1], axis=1))
