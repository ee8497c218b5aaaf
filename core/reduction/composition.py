"""Two affine maps of spectra one after the other, as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.normalisation import Normalisation
from ..errors import InputError
from ..raster.bands import Band
from .transform import Transform

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ModelInputs:
    """What a model takes that was trained on components.

    Attributes:
        bands: of the original image.
        source_bands: how many bands that has.
        normalisation: from the original's physical values to the network's inputs.
        mean: ``(bands,)`` typical values of the original's bands.
        deviation: ``(bands,)`` their standard deviations.
    """

    bands: tuple[Band, ...]
    source_bands: int
    normalisation: Normalisation
    mean: FloatArray
    deviation: FloatArray


def model_inputs(
    reduction: Transform,
    bands: Sequence[Band],
    normalisation: Normalisation,
    *,
    mean: npt.NDArray[Any],
    deviation: npt.NDArray[Any],
) -> ModelInputs:
    """Return a model's inputs in terms of the original image.

    Components are an affine map of the original's bands, and the normalisation is one of the
    components: together they are one again, which a model holds as its normalisation. A band
    that misses in a valid pixel then becomes the composed mean: the training's mean component
    values, seen in bands.

    Args:
        reduction: what made the raster that the chips were cut from.
        bands: of the chips: ``index`` numbers that raster's bands.
        normalisation: fitted on the chips.
        mean: ``(len(bands),)`` of the training pixels, for a selection.
        deviation: likewise.

    Raises:
        InputError: the chips have bands that the reduction does not make.
    """
    own = taken(reduction, bands)
    if own.is_selection:
        return ModelInputs(own.bands, own.source_bands, normalisation, mean, deviation)
    offset, matrix = one_after_the_other(
        own.mean,
        own.matrix,
        normalisation.mean.astype(np.float64),
        normalisation.matrix.astype(np.float64),
    )
    composed = Normalisation(
        normalisation.kind, offset.astype(np.float32), matrix.astype(np.float32)
    )
    return ModelInputs(own.bands, own.source_bands, composed, own.mean, own.deviation)


def chained(first: Transform, second: Transform) -> Transform:
    """Return the reduction that does two, one after the other.

    Args:
        first: of the original image.
        second: of the raster that ``first`` made: ``index`` numbers its bands.

    Raises:
        InputError: the second takes bands that the first does not make.
    """
    own = taken(first, second.bands)
    if second.is_selection:
        return own
    moved = replace(
        second, bands=own.bands, source_name=own.source_name, source_bands=own.source_bands
    )
    if own.is_selection:
        return moved
    mean, matrix = one_after_the_other(own.mean, own.matrix, second.mean, second.matrix)
    return replace(moved, mean=mean, matrix=matrix, deviation=own.deviation)


def taken(reduction: Transform, bands: Sequence[Band]) -> Transform:
    """Return a reduction that makes only some of its bands, in another order.

    Args:
        reduction: the whole one.
        bands: of the raster that it makes.

    Raises:
        InputError: one of them is not made by it.
    """
    places = [band.index - 1 for band in bands]
    if not places or max(places) >= reduction.outputs:
        raise InputError(
            f"The raster has band {max(places, default=-1) + 1}, and the band reduction that it "
            f"carries makes {reduction.outputs}: bands were added to it. Run 'Reduce bands' again."
        )
    if reduction.is_selection:
        picked = tuple(reduction.bands[place] for place in places)
        zeros = np.zeros(len(places))
        return replace(
            reduction,
            bands=picked,
            names=tuple(band.name for band in picked),
            mean=zeros,
            deviation=zeros,
            matrix=np.eye(len(places)),
        )
    return replace(
        reduction,
        names=tuple(reduction.names[place] for place in places),
        matrix=reduction.matrix[:, places],
        values=tuple(reduction.values[place] for place in places),
        explained=tuple(reduction.explained[place] for place in places),
    )


def one_after_the_other(
    mean: FloatArray, matrix: FloatArray, next_mean: FloatArray, next_matrix: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and matrix of ``((x - mean) @ matrix - next_mean) @ next_matrix``.

    The mean of both is ``mean + c`` with ``c @ matrix = next_mean``: there is such a spectrum,
    because the columns of the matrix are independent; the shortest one is taken.

    Args:
        mean: ``(bands,)``.
        matrix: ``(bands, components)``.
        next_mean: ``(components,)``.
        next_matrix: ``(components, outputs)``.

    Raises:
        InputError: the components are not independent, so that no mean gives theirs.
    """
    # Columns of one length: components may differ in size by many powers of ten.
    lengths = np.linalg.norm(matrix, axis=0)
    lengths = np.where(lengths > 0, lengths, 1.0)
    back, _, rank, _ = np.linalg.lstsq((matrix / lengths).T, next_mean / lengths, rcond=None)
    if rank < matrix.shape[1]:
        raise InputError(
            f"The band reduction has {matrix.shape[1]} components of which only {rank} are "
            "independent; it is damaged. Run 'Reduce bands' again."
        )
    return mean + back, matrix @ next_matrix
