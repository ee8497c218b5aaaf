"""Goes through a raster's pixels: statistics of every band, and spectra drawn at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..progress import Progress
from ..raster.source import RasterSource
from ..raster.spread import spread_windows
from ..runtime.seeds import numpy_generator

FloatArray = npt.NDArray[np.float64]

#: Bytes of raw values that are looked at; larger rasters are sampled, a block here and there.
MOST_BYTES = 1 << 30


@dataclass(frozen=True, eq=False)
class Survey:
    """What the pixels of a raster are like.

    Attributes:
        seen: pixels looked at.
        pixels: of the raster.
        valid: pixels of those seen with a value in at least one band.
        missing: ``(bands,)`` share of the pixels seen without a value, 0..1.
        least: ``(bands,)`` smallest physical value; NaN where a band has none.
        most: ``(bands,)`` largest, likewise.
        mean: ``(bands,)``, likewise.
        deviation: ``(bands,)`` standard deviation, likewise.
        spectra: ``(n, bands)`` float32 physical values of valid pixels drawn at random.
    """

    seen: int
    pixels: int
    valid: int
    missing: FloatArray
    least: FloatArray
    most: FloatArray
    mean: FloatArray
    deviation: FloatArray
    spectra: npt.NDArray[np.float32]


def survey(
    source: RasterSource,
    *,
    spectra: int,
    seed: int,
    progress: Progress,
    most_bytes: int = MOST_BYTES,
) -> Survey:
    """Look at a raster's pixels.

    Args:
        source: the raster; all its bands are read but a transparency band.
        spectra: how many pixels to draw.
        seed: of the draw.
        progress: told how far it is; asked for cancelling at every block.
        most_bytes: of raw values to read; of a larger raster, blocks spread over it.

    Raises:
        RasterError: the raster cannot be read.
        Cancelled: the user stopped.
    """
    positions = [place for place, band in enumerate(source.bands) if band.index != source.alpha]
    found = _Tally(len(positions))
    drawn = _Draw(spectra, len(positions), numpy_generator(seed, "inspection", "spectra"))
    pixel = len(positions) * source.dtype.itemsize
    pixels = source.grid.height * source.grid.width
    wanted = max(min(pixels, most_bytes // pixel), 1)
    for window in spread_windows(source, len(positions)):
        progress.check_cancel()
        block = source.read(window, positions)
        values = block.values[:, block.valid]
        found.add(values, block.valid.size)
        drawn.add(values)
        progress.report(min(found.seen / wanted, 1.0), "reading the image")
        if found.seen >= wanted:
            break
    return found.survey(pixels, drawn.spectra)


class _Tally:
    """Counts, extremes and moments of each band, block by block."""

    def __init__(self, bands: int) -> None:
        self.seen = 0
        self._valid = 0
        self._count = np.zeros(bands, dtype=np.int64)
        self._least = np.full(bands, np.inf)
        self._most = np.full(bands, -np.inf)
        self._mean = np.zeros(bands)
        self._squares = np.zeros(bands)  # of differences from the mean

    def add(self, values: npt.NDArray[np.float32], seen: int) -> None:
        """Take in ``(bands, n)`` values, NaN where one is missing, of ``seen`` pixels."""
        self.seen += seen
        self._valid += values.shape[1]
        for band, row in enumerate(values):
            own = row[np.isfinite(row)].astype(np.float64)
            if not len(own):
                continue
            self._least[band] = min(self._least[band], own.min())
            self._most[band] = max(self._most[band], own.max())
            # Chan, Golub & LeVeque 1983: moments of parts put together without loss.
            count, mean = self._count[band], own.mean()
            total, change = count + len(own), mean - self._mean[band]
            self._squares[band] += ((own - mean) ** 2).sum()
            self._squares[band] += change**2 * count * len(own) / total
            self._mean[band] += change * len(own) / total
            self._count[band] = total

    def survey(self, pixels: int, spectra: npt.NDArray[np.float32]) -> Survey:
        """Return what was found."""
        none = self._count == 0
        deviation = np.sqrt(self._squares / np.maximum(self._count, 1))
        return Survey(
            seen=self.seen,
            pixels=pixels,
            valid=self._valid,
            missing=1.0 - self._count / max(self.seen, 1),
            least=np.where(none, np.nan, self._least),
            most=np.where(none, np.nan, self._most),
            mean=np.where(none, np.nan, self._mean),
            deviation=np.where(none, np.nan, deviation),
            spectra=spectra,
        )


class _Draw:
    """Pixels drawn at random from all that come by, each with the same chance."""

    def __init__(self, most: int, bands: int, generator: np.random.Generator) -> None:
        self._most = most
        self._generator: Any = generator
        self._keys = np.zeros(0)
        self.spectra = np.zeros((0, bands), dtype=np.float32)

    def add(self, values: npt.NDArray[np.float32]) -> None:
        """Take in ``(bands, n)`` values: those with the smallest random keys stay."""
        keys = self._generator.random(values.shape[1])
        own = np.argsort(keys)[: self._most]
        keys = np.concatenate([self._keys, keys[own]])
        spectra = np.concatenate([self.spectra, values[:, own].T])
        kept = np.argsort(keys)[: self._most]
        self._keys, self.spectra = keys[kept], spectra[kept]
