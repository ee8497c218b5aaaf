"""The labelled pixels that are looked at: some of every class, with their spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..data.classes import ClassInfo
from ..data.label_cells import read_spectra
from ..data.labels import Labels
from ..progress import Progress
from ..raster.bands import Band
from ..raster.source import RasterSource
from ..runtime.seeds import numpy_generator
from ..sizes import MIB
from .settings import FEWEST, CheckSettings
from .suspects import Suspect

_COPIES = 6  # of the spectra in double precision, while they are compared
_MOST = 20_000  # in all: more take long and tell no more

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Samples:
    """Labelled pixels that were looked at.

    Attributes:
        classes: of the labels.
        bands: the ones that were read, by wavelength where they have one.
        rows: ``(n,)``.
        cols: ``(n,)``.
        values: ``(n,)`` int64 classes, 1 or larger.
        patches: ``(n,)`` what they belong to, see ``patches``.
        spectra: ``(n, bands)`` float32 physical values; NaN where a band has none.
    """

    classes: tuple[ClassInfo, ...]
    bands: tuple[Band, ...]
    rows: IntArray
    cols: IntArray
    values: IntArray
    patches: IntArray
    spectra: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.values)

    def keep(self, mask: npt.NDArray[np.bool_]) -> Samples:
        """Return the samples where ``mask`` is true."""
        return Samples(
            self.classes,
            self.bands,
            self.rows[mask],
            self.cols[mask],
            self.values[mask],
            self.patches[mask],
            self.spectra[mask],
        )

    def comparable(self, lacking: float) -> Samples:
        """Return the samples without gaps.

        Args:
            lacking: bands that a larger share of the samples lacks are left out first.
        """
        gaps = np.isnan(self.spectra)
        kept = np.flatnonzero(gaps.sum(axis=0) <= lacking * len(self))
        bands = tuple(self.bands[place] for place in kept)
        whole = replace(self, bands=bands, spectra=self.spectra[:, kept])
        return whole.keep(np.isfinite(whole.spectra).all(axis=1) & bool(bands))

    def counts(self) -> IntArray:
        """Return how many there are of each class, ``(classes,)``."""
        return np.bincount(self.values, minlength=len(self.classes) + 1)[1:]

    def info(self, place: int) -> ClassInfo:
        """Return the class of a sample."""
        return self.classes[int(self.values[place]) - 1]

    def suspect(
        self, place: int, kind: str, score: float, reason: str, suggested: ClassInfo | None = None
    ) -> Suspect:
        """Return a sample as a suspect, see ``Suspect``."""
        info = self.info(place)
        return Suspect(
            row=int(self.rows[place]),
            col=int(self.cols[place]),
            kind=kind,
            label=info.name,
            code=info.code,
            score=score,
            reason=reason,
            suggested=suggested.name if suggested else "",
            suggested_code=suggested.code if suggested else None,
        )

    def names(self) -> list[str]:
        """Return the names of the classes."""
        return [item.name for item in self.classes]


def draw(
    labels: Labels, usable: npt.NDArray[np.bool_], bands: int, settings: CheckSettings
) -> IntArray:
    """Draw labelled pixels of every class.

    Args:
        labels: the labelled pixels.
        usable: ``(n,)`` which of them may be drawn.
        bands: that will be read.
        settings: how many.

    Returns:
        Their positions, rising.
    """
    room = settings.memory_mb * MIB // (bands * (4 + 8 * _COPIES))
    each = min(settings.samples, max(min(room, _MOST) // max(len(labels.classes), 1), FEWEST))
    chosen = []
    for place, info in enumerate(labels.classes, 1):
        own = np.flatnonzero((labels.values == place) & usable)
        generator = numpy_generator(settings.seed, "checking", "draw", str(info.code))
        chosen.append(generator.permutation(own)[:each])
    return np.sort(np.concatenate(chosen))


def read_samples(
    source: RasterSource,
    bands: Sequence[Band],
    labels: Labels,
    *,
    patches: IntArray,
    chosen: IntArray,
    progress: Progress,
) -> Samples:
    """Read the spectra of labelled pixels.

    Args:
        source: the image.
        bands: to read.
        labels: the labelled pixels.
        patches: ``(n,)`` what these belong to.
        chosen: positions of those to read.
        progress: told how far it is; asked for cancelling.

    Raises:
        RasterError: the image cannot be read.
        Cancelled: the user stopped.
    """
    rows, cols = labels.rows[chosen].astype(np.int64), labels.cols[chosen].astype(np.int64)
    positions = [band.index - 1 for band in bands]
    return Samples(
        labels.classes,
        tuple(bands),
        rows,
        cols,
        labels.values[chosen].astype(np.int64),
        patches[chosen],
        read_spectra(source, positions, rows, cols, progress),
    )
