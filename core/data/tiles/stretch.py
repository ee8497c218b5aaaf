"""From the source's values to 8 bits, the same for the whole image, and stated.

Every band gets two values of its own: what lies at the first becomes 1, what lies at the second
255, in between it goes in a straight line and beyond it is cut off. 0 means nothing. The inverse
is the scale and offset of the band in ``chips.json``, so that physical values come back, to a
254th of the range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError, RasterError
from ...progress import Progress
from ...raster.bands import Band, describe_bands
from ...raster.source import RasterSource
from ...raster.values import missing
from .settings import listed_bands

RawArray = npt.NDArray[Any]

_COLOURS_NM = (665.0, 560.0, 490.0)  # red, green, blue
_FARTHEST_NM = 60.0  # that a band may lie from its colour
_BINS = 65_536
_MEMORY = 64 << 20
_STEPS = 254


@dataclass(frozen=True)
class Stretch:
    """Values that become 1 and 255, for each band.

    Attributes:
        method: ``2-98``, ``1-99`` (percentiles) or ``min-max``.
        low: ``(bands,)`` in the source's values.
        high: ``(bands,)``, larger.
    """

    method: str
    low: tuple[float, ...]
    high: tuple[float, ...]

    def to_json(self) -> Mapping[str, Any]:
        """Return plain values."""
        return {"method": self.method, "low": list(self.low), "high": list(self.high)}

    def apply(self, raw: RawArray, bands: Sequence[Band], nothing: int) -> npt.NDArray[np.uint8]:
        """Return ``(height, width, bands)`` values as 8 bits.

        Args:
            raw: likewise, in the source's type.
            bands: of the source.
            nothing: what stands for missing values.
        """
        low, high = np.array(self.low), np.array(self.high)
        with np.errstate(invalid="ignore", over="ignore"):
            share = (raw.astype(np.float64) - low) / (high - low)
        shown = 1 + np.rint(np.clip(np.nan_to_num(share), 0, 1) * _STEPS)
        for place, band in enumerate(bands):
            gone = missing(raw[..., place], band)
            if gone is not None:
                shown[..., place][gone] = nothing
        return np.asarray(shown.astype(np.uint8))

    def bands(self, bands: Sequence[Band], nothing: int) -> tuple[Band, ...]:
        """Return what the 8-bit bands mean: scale and offset give physical values."""
        found = []
        for low, high, band in zip(self.low, self.high, bands):
            step = (high - low) / _STEPS
            scale, offset = band.scale * step, band.offset + band.scale * (low - step)
            found.append(replace(band, scale=scale, offset=offset, nodata=None if nothing else 0.0))
        return tuple(found)

    def text(self, bands: Sequence[Band]) -> str:
        """Say in a sentence what becomes of the values."""
        parts = [
            f"band {band.index} from {low:.6g} to {high:.6g}"
            for low, high, band in zip(self.low, self.high, bands)
        ]
        return (
            f"8 bits hold {', '.join(parts)} (STRETCH {self.method} of the whole image) as 1 to "
            "255; values beyond are cut off. Scale and offset in chips.json lead back."
        )


def shown_bands(bands: Sequence[Band], chosen: str, name: str) -> tuple[Band, ...]:
    """Return the bands to be shown in 8 bits: those asked for, or red, green, blue.

    Args:
        bands: that can be used.
        chosen: IMAGE_BANDS.
        name: of the image, for messages.

    Raises:
        InputError: there is no such band, or no wavelengths to choose by.
    """
    numbers = listed_bands(chosen)
    if numbers:
        known = {band.index: band for band in bands}
        lost = [number for number in numbers if number not in known]
        if lost:
            raise InputError(
                f"IMAGE_BANDS names band {lost[0]}; {name} has {describe_bands(bands)} to use."
            )
        return tuple(known[number] for number in numbers)
    if len(bands) == 1:
        return tuple(bands)
    found = []
    for colour in _COLOURS_NM:
        near = [(abs(b.wavelength - colour), b) for b in bands if b.wavelength is not None]
        if not near or min(near, key=lambda item: item[0])[0] > _FARTHEST_NM:
            raise InputError(
                f"{name} has no band near {colour:.0f} nm, so red, green and blue cannot be told. "
                "Name one band or three as IMAGE_BANDS, such as '29,15,9'."
            )
        found.append(min(near, key=lambda item: item[0])[1])
    return tuple(found)


def measure_stretch(
    source: RasterSource, bands: Sequence[Band], method: str, progress: Progress
) -> Stretch:
    """Look at every pixel of the image, block by block.

    Args:
        source: the image.
        bands: to be shown.
        method: see ``Stretch``.
        progress: told how far it is; asked for cancelling.

    Raises:
        RasterError: a band has no values, or the file cannot be read.
    """
    small = source.dtype.kind in "iu" and source.dtype.itemsize <= 2
    low, high = np.full(len(bands), np.inf), np.full(len(bands), -np.inf)
    if small:
        limits = np.iinfo(source.dtype)
        low[:], high[:] = limits.min, limits.max
    else:
        for place, values in _values(source, bands, progress):
            if len(values):
                low[place] = min(low[place], values.min())
                high[place] = max(high[place], values.max())
    counts = np.zeros((len(bands), _BINS), dtype=np.int64)
    # Of 16 bits each value has a bin of its own: percentiles are exact.
    width = np.ones(len(bands)) if small else np.maximum((high - low) / (_BINS - 1), 1e-300)
    for place, values in _values(source, bands, progress):
        bins = ((values - low[place]) / width[place]).astype(np.int64)
        counts[place] += np.bincount(np.clip(bins, 0, _BINS - 1), minlength=_BINS)
    ends = [_ends(row, method) for row in counts]
    for row, band in zip(counts, bands):
        if not row.any():
            raise RasterError(f"Band {band.index} of {source.name} has no values to stretch.")
    lows = [float(low[p] + ends[p][0] * width[p]) for p in range(len(bands))]
    highs = [float(low[p] + ends[p][1] * width[p]) for p in range(len(bands))]
    # A band that is the same everywhere still needs a range.
    highs = [high if high > low else low + 1.0 for low, high in zip(lows, highs)]
    return Stretch(method, tuple(lows), tuple(highs))


def _values(source: RasterSource, bands: Sequence[Band], progress: Progress) -> Any:
    """Yield the values of every block, band by band: its place, and ``(n,)`` as doubles."""
    positions = [band.index - 1 for band in bands]
    blocks = list(source.blocks(len(bands), _MEMORY))
    for number, window in enumerate(blocks):
        progress.check_cancel()
        raw, mask = source.read_array(window, positions)
        for place, band in enumerate(bands):
            there = np.ones(raw.shape[1:], dtype=bool) if mask is None else mask
            gone = missing(raw[place], band)
            yield place, raw[place][there if gone is None else there & ~gone].astype(np.float64)
        progress.report((number + 1) / len(blocks), "")


def _ends(counts: npt.NDArray[np.int64], method: str) -> tuple[int, int]:
    """Return the bins that become black and white."""
    there = np.flatnonzero(counts)
    if not len(there):
        return 0, 0
    if method == "min-max":
        return int(there[0]), int(there[-1])
    first, last = (int(word) / 100 for word in method.split("-"))
    shares = np.cumsum(counts) / counts.sum()
    return int(np.searchsorted(shares, first)), int(np.searchsorted(shares, last))
