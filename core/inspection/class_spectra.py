"""Spectra of classes: mean and spread of some labelled pixels of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..data.label_cells import read_spectra
from ..data.labels import Labels
from ..progress import Progress
from ..raster.source import RasterSource
from ..runtime.seeds import numpy_generator

MOST_PIXELS = 400  # of a class: enough for its mean


@dataclass(frozen=True, eq=False)
class ClassSpectrum:
    """The spectrum of a class.

    Attributes:
        info: the class.
        labelled: its pixels.
        seen: how many of them were looked at and have values.
        mean: ``(bands,)`` physical; NaN where no pixel of the class has a value.
        deviation: ``(bands,)`` standard deviation.
    """

    info: ClassInfo
    labelled: int
    seen: int
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]


def class_spectra(
    source: RasterSource,
    positions: Sequence[int],
    labels: Labels,
    *,
    seed: int,
    progress: Progress,
) -> list[ClassSpectrum]:
    """Read some labelled pixels of every class.

    Args:
        source: the raster.
        positions: of the bands to read, in ``source.bands``.
        labels: on the raster's grid.
        seed: of the draw of pixels.
        progress: told how far it is; asked for cancelling.

    Raises:
        RasterError: the raster cannot be read.
        Cancelled: the user stopped.
    """
    generator = numpy_generator(seed, "inspection", "classes")
    chosen = []
    for value in range(1, len(labels.classes) + 1):
        own = np.flatnonzero(labels.values == value)
        chosen.append(generator.permutation(own)[:MOST_PIXELS])
    rows = np.sort(np.concatenate(chosen))
    where = (labels.rows[rows], labels.cols[rows])
    read = read_spectra(source, positions, *where, progress, words="reading the classes")
    spectra = read.astype(np.float64)
    found = []
    for info, count, value in zip(labels.classes, labels.counts(), range(1, len(chosen) + 1)):
        own_spectra = spectra[labels.values[rows] == value]
        valid = own_spectra[np.isfinite(own_spectra).any(axis=1)]
        numbers = np.isfinite(valid).sum(axis=0)
        mean = np.where(numbers > 0, np.nansum(valid, axis=0) / np.maximum(numbers, 1), np.nan)
        squares = np.nansum((valid - mean) ** 2, axis=0) / np.maximum(numbers, 1)
        deviation = np.where(numbers > 0, np.sqrt(squares), np.nan)
        found.append(ClassSpectrum(info, count, len(valid), mean, deviation))
    return found
