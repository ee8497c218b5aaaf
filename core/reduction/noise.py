"""The noise of an image, from the differences of neighbouring pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import RasterError
from ..progress import Progress
from .streaming import Tile

FloatArray = npt.NDArray[np.float64]

ROWS = 64  # of a tile whose differences are held at once
# Noise variance below this share of the largest, in units of the bands' own spread, is none:
# values in single precision cannot tell it from rounding.
NO_NOISE = 1e-10


class Noise:
    """Covariance of the differences between neighbours: to the right, and below.

    Half of it is the covariance of the noise, where the signal hardly changes from a pixel to
    the next (Green, Berman, Switzer & Craig 1988). A difference counts where both pixels have a
    value in every band; every pair of neighbours counts once, however blocks are cut.
    """

    def __init__(self, bands: int) -> None:
        self._count = 0
        self._sum = np.zeros(bands)
        self._products = np.zeros((bands, bands))

    def add(self, tile: Tile, progress: Progress) -> None:
        """Take in the pairs whose left or upper pixel is the window's own."""
        for top in range(0, tile.height, ROWS):
            progress.check_cancel()
            bottom = min(top + ROWS, tile.height)
            self._pairs(
                tile, (slice(top, bottom), slice(None, -1)), (slice(top, bottom), slice(1, None))
            )
            upper = slice(top, min(bottom, tile.values.shape[1] - 1))
            lower = slice(upper.start + 1, upper.stop + 1)
            own = slice(tile.width)
            self._pairs(tile, (upper, own), (lower, own))

    def _pairs(self, tile: Tile, one: tuple[slice, slice], other: tuple[slice, slice]) -> None:
        both = tile.complete[one] & tile.complete[other]
        if not both.any():
            return
        values = tile.values
        first = values[(slice(None), *one)][:, both].astype(np.float64)
        change = values[(slice(None), *other)][:, both] - first
        self._count += change.shape[1]
        self._sum += change.sum(axis=1)
        self._products += change @ change.T

    def covariance(self) -> FloatArray:
        """Return the noise covariance, ``(bands, bands)``, in squared physical units.

        Raises:
            RasterError: no two neighbouring pixels have values, or no neighbours differ.
        """
        if self._count < 2:
            raise RasterError(
                "The noise cannot be estimated: no two neighbouring pixels have a value in every "
                "band. Use METHOD 'pca', or another image."
            )
        mean = self._sum / self._count
        total = self._products - self._count * np.outer(mean, mean)
        covariance = total / (self._count - 1) / 2.0
        if not (np.diag(covariance) > 0).any():
            raise RasterError(
                "The noise cannot be estimated: no pixel differs from its neighbours. Use METHOD "
                "'pca', or another image."
            )
        return np.asarray(covariance)


@dataclass(frozen=True, eq=False)
class Whitening:
    """A map of bands, and the way back.

    Attributes:
        there: ``(bands, bands)``: spectra times this have noise of variance 1 in all directions.
        back: ``(bands, bands)``: this times what came out is bands in units of their deviation.
        noiseless: directions in which the bands vary and have no noise.
    """

    there: FloatArray
    back: FloatArray
    noiseless: int


def whitening(covariance: FloatArray, deviation: FloatArray) -> Whitening:
    """Return the map that makes noise white.

    Directions without noise (bands that are copies of others, or without values of their own)
    are treated as if they had the least noise that can be told: where there is a signal, its
    ratio to the noise is then large, and where there is none, it is 0.

    Args:
        covariance: ``(bands, bands)`` of the noise.
        deviation: ``(bands,)`` of the bands; those of no spread are mapped to 0.
    """
    # Bands in units of their spread: what is small does not depend on a band's scale.
    per_band = np.where(deviation > 0, 1.0 / np.where(deviation > 0, deviation, 1.0), 0.0)
    scaled = covariance * np.outer(per_band, per_band)
    variances, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    least = float(variances[-1]) * NO_NOISE
    noiseless = int((variances < least).sum()) - int((deviation == 0).sum())
    widths = np.sqrt(np.maximum(variances, least))
    return Whitening(per_band[:, None] * vectors / widths, vectors * widths, noiseless)
