"""Which bands of a raster are used: by wavelength, by number, and what is left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import InputError
from ..progress import Progress
from ..raster.bands import Band, describe_bands, describe_range, usable_bands
from ..raster.source import RasterSource
from .settings import ReduceSettings

#: Where water vapour absorbs nearly all light, nm. The first two are those of Rashed & Juergens
#: (eds.) 2010, Remote Sensing of Urban and Suburban Areas, figure 4.2; the last is the wing of the
#: band at 2,700 nm, up to where no sensor of sunlight goes on.
WATER_VAPOUR = ((1340.0, 1480.0), (1770.0, 1970.0), (2450.0, 3000.0))

_NUMBER = r"\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\s*(?:nm)?\s*[-\u2013]\s*({_NUMBER})\s*(?:nm)?", re.IGNORECASE)
_NUMBERS = re.compile(r"(\d{1,9})(?:\s*[-\u2013]\s*(\d{1,9}))?")


@dataclass(frozen=True)
class Selection:
    """The bands to use.

    Attributes:
        bands: by wavelength where all have one, else in file order.
        notes: what was left out and why, a sentence each.
    """

    bands: tuple[Band, ...]
    notes: tuple[str, ...]


def select_bands(source: RasterSource, settings: ReduceSettings, progress: Progress) -> Selection:
    """Choose the bands of a raster.

    Args:
        source: the raster.
        settings: ``ranges``, ``bands`` and what is dropped.
        progress: asked for cancelling while empty bands are looked for.

    Raises:
        InputError: a list that cannot be read, that names bands the raster has not, or that
            leaves no band.
        RasterError: the raster has no usable band, or cannot be read.
        Cancelled: the user stopped.
    """
    ranges, numbers = parse_ranges(settings.ranges), parse_bands(settings.bands)
    asked = _asked(source, ranges, numbers)
    usable, reasons = usable_bands(source, not settings.drop_bad, progress)
    kept, notes = list(usable), list(reasons)
    if asked is not None:
        out = [band for band in kept if band.index not in asked]
        kept = [band for band in kept if band.index in asked]
        if out:
            notes.append(f"Left out as not asked for: {describe_bands(out)}.")
    if settings.drop_water_vapour:
        wet = [band for band in kept if in_water_vapour(band)]
        kept = [band for band in kept if not in_water_vapour(band)]
        if wet:
            notes.append(f"Left out because water vapour absorbs there: {describe_bands(wet)}.")
    if not kept:
        raise InputError(
            f"No band of {source.name} is left. {' '.join(notes)} Choose other RANGES or BANDS, or "
            "let bands in that are left out."
        )
    return Selection(tuple(kept), tuple(notes))


def in_water_vapour(band: Band) -> bool:
    """Tell whether a band lies where water vapour absorbs; one without a wavelength does not."""
    nm = band.wavelength
    return nm is not None and any(low <= nm <= high for low, high in WATER_VAPOUR)


def parse_ranges(text: str) -> tuple[tuple[float, float], ...]:
    """Read ranges of wavelengths such as ``450-900, 1000-1300``, nm.

    Raises:
        InputError: a part is no range, or its ends are the wrong way round.
    """
    found = []
    for part in _parts(text):
        match = _RANGE.fullmatch(part)
        if not match:
            raise InputError(
                f"RANGES holds '{part}', which is no range of wavelengths in nanometres; write "
                "them like 450-900, 1000-1300."
            )
        low, high = float(match[1]), float(match[2])
        if low > high:
            raise InputError(
                f"RANGES holds '{part}', which ends before it begins; write it "
                f"{match[2]}-{match[1]}."
            )
        found.append((low, high))
    return tuple(found)


def parse_bands(text: str) -> tuple[tuple[int, int], ...]:
    """Read numbers of bands such as ``1-10, 15``, as first and last of each run.

    Raises:
        InputError: a part is no number and no run of numbers.
    """
    found = []
    for part in _parts(text):
        match = _NUMBERS.fullmatch(part)
        if not match:
            raise InputError(
                f"BANDS holds '{part}', which is no number of a band; write them like 1-10, 15."
            )
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last:
            raise InputError(f"BANDS holds '{part}'; bands count from 1, the lower number first.")
        found.append((first, last))
    return tuple(found)


def _parts(text: str) -> list[str]:
    return [part for part in (piece.strip() for piece in re.split(r"[,;\n]", text)) if part]


def _asked(
    source: RasterSource,
    ranges: Sequence[tuple[float, float]],
    numbers: Sequence[tuple[int, int]],
) -> frozenset[int] | None:
    """Numbers of the bands that are asked for; None where nothing is said."""
    if not ranges and not numbers:
        return None
    known = [band for band in source.bands if band.wavelength is not None]
    if ranges and not known:
        raise InputError(
            f"RANGES are wavelengths, and no band of {source.name} states one. Name the bands by "
            "their numbers (BANDS), or choose a file with wavelengths, such as the ENVI file with "
            "its header."
        )
    asked: set[int] = set()
    for low, high in ranges:
        inside = {band.index for band in known if low <= (band.wavelength or 0.0) <= high}
        if not inside:
            raise InputError(
                f"RANGES holds {low:g}-{high:g}, where {source.name} has no band: it has "
                f"{describe_range(source.bands)}. RANGES are in nanometres."
            )
        asked |= inside
    for first, last in numbers:
        if last > len(source.bands):
            raise InputError(
                f"BANDS names band {last}; {source.name} has {len(source.bands)} bands."
            )
        asked |= set(range(first, last + 1))
    return frozenset(asked)
