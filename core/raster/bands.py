"""The bands of a raster: what they mean, which can be used, which ones a model wants."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import RasterError
from ..progress import Progress, SilentProgress
from ..stored_json import Kinds, check_fields
from .band_metadata import LONGEST_NM, Spectral, read_spectral
from .gdal_text import description_of

if TYPE_CHECKING:
    from .source import RasterSource

# Wavelengths this close (nm) are the same: micrometres round in their fifth digit.
EXACT_NM = 0.02
# Half a width for sensors that state neither widths nor neighbours.
LONE_BAND_NM = 5.0

_STORED: Mapping[str, Kinds] = {
    "index": int,
    "name": str,
    "wavelength": (float, type(None)),
    "fwhm": (float, type(None)),
    "bad": bool,
    "scale": float,
    "offset": float,
    "nodata": (float, type(None)),
}


@dataclass(frozen=True)
class Band:
    """One band of a raster.

    Attributes:
        index: number in the file, from 1.
        name: the file's description, or ``band N``.
        wavelength: centre in nm, where known.
        fwhm: full width at half maximum in nm, where known.
        bad: marked as bad by its maker (``bbl = 0``).
        scale: physical value = raw value * scale + offset.
        offset: see ``scale``.
        nodata: the raw value that means "nothing here". None where there is none; values
            that are no finite numbers mean it in any case.
    """

    index: int
    name: str
    wavelength: float | None = None
    fwhm: float | None = None
    bad: bool = False
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The band as plain JSON."""
        return {
            "index": self.index,
            "name": self.name,
            "wavelength": self.wavelength,
            "fwhm": self.fwhm,
            "bad": self.bad,
            "scale": self.scale,
            "offset": self.offset,
            "nodata": self.nodata,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Band:
        """The band of a record made by ``to_json``.

        Raises:
            RasterError: the record is damaged.
        """
        try:
            check_fields(record, _STORED, "a band")
        except ValueError as error:
            raise RasterError(f"A stored band description is damaged: {error}.") from error
        band = cls(
            index=record["index"],
            name=record["name"],
            wavelength=_optional(record["wavelength"]),
            fwhm=_optional(record["fwhm"]),
            bad=record["bad"],
            scale=float(record["scale"]),
            offset=float(record["offset"]),
            nodata=_optional(record["nodata"]),
        )
        lengths = [value for value in (band.wavelength, band.fwhm) if value is not None]
        if band.index < 1 or band.scale == 0 or not all(0 < nm < LONGEST_NM for nm in lengths):
            raise RasterError(
                f"A stored band description is damaged: number {band.index}, scale "
                f"{band.scale:g}, wavelength and width {lengths} nm cannot be."
            )
        return band


def read_bands(dataset: Any, name: str = "") -> tuple[Band, ...]:
    """The bands of an open GDAL dataset, in file order, wavelengths in nm.

    ENVI's ``reflectance scale factor``, which GDAL does not apply, becomes the scale of
    bands that state none themselves.

    Args:
        dataset: an open GDAL dataset.
        name: what messages call it.

    Raises:
        RasterError: a band's scale is 0 or no number.
    """
    spectral = read_spectral(dataset)
    title = name or description_of(dataset)
    return tuple(
        _band(dataset.GetRasterBand(position + 1), position + 1, spectral[position], title)
        for position in range(dataset.RasterCount)
    )


def common_nodata(bands: Sequence[Band]) -> float | None:
    """The nodata value that all bands share, if they do: files hold one for all bands."""
    values = {band.nodata for band in bands}
    return values.pop() if len(values) == 1 else None


def _band(band: Any, index: int, spectral: Spectral, title: str) -> Band:
    scale, offset = band.GetScale(), band.GetOffset()
    scale = 1.0 if scale is None else float(scale)
    offset = 0.0 if offset is None else float(offset)
    if scale == 0 or not math.isfinite(scale) or not math.isfinite(offset):
        raise RasterError(
            f"Band {index} of {title} has scale {scale:g} and offset {offset:g}, which leave no "
            "values. Set the right ones (gdal_edit.py -scale 1 -offset 0) and try again."
        )
    if (scale, offset) == (1.0, 0.0):
        scale = 1.0 / (spectral.reflectance_factor or 1.0)
    nodata = band.GetNoDataValue()
    nodata = spectral.ignore_value if nodata is None else nodata
    return Band(
        index=index,
        name=description_of(band) or f"band {index}",
        wavelength=spectral.wavelength,
        fwhm=spectral.fwhm,
        bad=spectral.bad,
        scale=scale,
        offset=offset,
        nodata=float(nodata) if nodata is not None and math.isfinite(nodata) else None,
    )


def usable_bands(
    source: RasterSource, keep_bad: bool = False, progress: Progress | None = None
) -> tuple[tuple[Band, ...], list[str]]:
    """The bands worth using, sorted by wavelength, and what was left out and why.

    Left out are bands marked as bad, bands without a single valid pixel, and an alpha
    band. Bands stay in file order where one of them has no wavelength.

    Args:
        source: the raster.
        keep_bad: use bands marked as bad that do hold values.
        progress: asked for cancelling while empty bands are looked for.

    Returns:
        The bands, and one line for each reason.

    Raises:
        RasterError: nothing is left.
    """
    from .empty_bands import empty_bands

    notes: list[str] = []
    bands = [band for band in source.bands if band.index != source.alpha]
    if len(bands) < len(source.bands):
        notes.append(f"Band {source.alpha} of {source.name} is its transparency, not an image.")
    bad = [] if keep_bad else [band for band in bands if band.bad]
    if bad:
        notes.append(f"Left out as bad (bbl = 0): {describe_bands(bad)}.")
    bands = [band for band in bands if keep_bad or not band.bad]
    empty = empty_bands(source, bands, progress or SilentProgress())
    bands = [band for band in bands if band.index not in empty]
    if empty:
        listed = [band for band in source.bands if band.index in empty]
        notes.append(f"Left out as empty (nodata everywhere): {describe_bands(listed)}.")
    if not bands:
        raise RasterError(
            f"{source.name} has no usable band. " + " ".join(notes) + " Check the raster's "
            "nodata value and bad-band list, or choose another raster."
        )
    if all(band.wavelength is not None for band in bands):
        bands.sort(key=lambda band: band.wavelength or 0.0)
    elif any(band.wavelength is not None for band in bands):
        notes.append(f"Some bands of {source.name} have no wavelength: file order is kept.")
    return tuple(bands), notes


def match_bands(
    wanted: Sequence[Band], source: RasterSource, original_count: int | None = None
) -> list[int]:
    """Find bands in a raster, one to one.

    By wavelength where both sides have them: equal ones first, then the assignment with
    the smallest sum of distances of which none exceeds half a FWHM. Otherwise by number
    in the file, which needs a raster with the original count of bands.

    Args:
        wanted: the bands to find, such as those of a model.
        source: the raster to find them in.
        original_count: how many bands the raster of ``wanted`` had; its highest band
            number where not given.

    Returns:
        For each wanted band its position in ``source.bands``.

    Raises:
        RasterError: the raster lacks some of them.
    """
    known = [position for position, band in enumerate(source.bands) if band.wavelength is not None]
    if known and wanted and all(band.wavelength is not None for band in wanted):
        return _match_wavelengths(wanted, source, known)
    count = original_count or max((band.index for band in wanted), default=0)
    if len(source.bands) != count:
        raise RasterError(
            f"{source.name} has {describe_range(source.bands)}; expected are {count} bands in "
            "the original order, because they cannot be found by wavelength. Choose a raster "
            "of the same product, or one with wavelengths."
        )
    return [band.index - 1 for band in wanted]


def _match_wavelengths(
    wanted: Sequence[Band], source: RasterSource, known: Sequence[int]
) -> list[int]:
    pairs = _nearest_pairs(wanted, [source.bands[position] for position in known])
    found = {row: known[col] for row, col in pairs.items()}
    missing = [band for row, band in enumerate(wanted) if row not in found]
    if missing:
        raise RasterError(
            f"{source.name} has {describe_range(source.bands)}; needed are "
            f"{describe_range(wanted)}. It has none within half a FWHM of {len(missing)} of them: "
            f"{describe_bands(missing)}. Choose a raster of the same sensor."
        )
    return [found[row] for row in range(len(wanted))]


def match_among(wanted: Sequence[Band], have: Sequence[Band]) -> list[int] | None:
    """Find bands among as many others, one to one, as ``match_bands`` does.

    Returns:
        For each wanted band its position in ``have``; None where they are not the same bands.
    """
    if len(wanted) != len(have):
        return None
    if any(band.wavelength is None for band in (*wanted, *have)):
        numbers = [band.index for band in have]
        places = {number: place for place, number in enumerate(numbers)}
        found = [places.get(band.index, -1) for band in wanted]
        return None if -1 in found else found
    pairs = _nearest_pairs(wanted, have)
    return [pairs[row] for row in range(len(wanted))] if len(pairs) == len(wanted) else None


def _nearest_pairs(wanted: Sequence[Band], have: Sequence[Band]) -> dict[int, int]:
    """Pair bands by wavelength: a position in ``have`` for those of ``wanted`` that have one."""
    from scipy.optimize import linear_sum_assignment

    want_nm = np.array([band.wavelength for band in wanted], float)
    distance = np.abs(want_nm[:, None] - np.array([band.wavelength for band in have], float))
    reach = _half_widths(wanted, have, distance)
    # Pairs out of reach cost more than all others together, so that they are used only
    # where nothing else is left; equal wavelengths cost so little that they go first.
    forbidden = distance > reach
    cost = np.where(distance <= EXACT_NM, distance * 1e-3, distance + 1e3)
    # Among equals (overlapping detectors) the band that also bears the number goes first.
    same_index = np.array([[w.index == h.index for h in have] for w in wanted])
    cost = np.where(forbidden, 1e9, cost - 1e-6 * same_index)
    rows, cols = linear_sum_assignment(cost)
    return {int(r): int(c) for r, c in zip(rows, cols) if not forbidden[r, c]}


def _half_widths(wanted: Sequence[Band], have: Sequence[Band], distance: Any) -> Any:
    """How far (nm) a pair may be apart: ``(wanted, have)``."""
    centres = np.unique([band.wavelength or 0.0 for band in wanted])
    gaps = np.diff(centres[np.diff(centres, prepend=-np.inf) > EXACT_NM])
    lone = float(np.median(gaps)) / 2 if gaps.size else LONE_BAND_NM
    reach = np.empty_like(distance)
    for row, band in enumerate(wanted):
        reach[row] = [(band.fwhm or other.fwhm or 2 * lone) / 2 for other in have]
    return np.maximum(reach, EXACT_NM)


def differing_bands(wanted: Sequence[Band], have: Sequence[Band]) -> list[Band]:
    """Compare as many bands in their order: which are farther apart than half a FWHM.

    Args:
        wanted: such as those of a model.
        have: as many.

    Returns:
        Those of ``have`` that are not the ones wanted; none where wavelengths are not known.
    """
    if not all(band.wavelength is not None for band in (*wanted, *have)):
        return []
    want_nm, have_nm = (np.array([b.wavelength for b in bands], float) for bands in (wanted, have))
    distance = np.abs(want_nm[:, None] - have_nm)
    apart = np.diagonal(distance > _half_widths(wanted, have, distance))
    return [band for band, differs in zip(have, apart) if differs]


def describe_range(bands: Sequence[Band]) -> str:
    """How many bands and which wavelengths, such as ``218 bands, 418-2446 nm``."""
    nm = [band.wavelength for band in bands if band.wavelength is not None]
    count = f"{len(bands)} band" + ("" if len(bands) == 1 else "s")
    if not nm:
        return f"{count} without wavelengths"
    return f"{count}, {min(nm):.0f}-{max(nm):.0f} nm"


def describe_bands(bands: Sequence[Band]) -> str:
    """Bands by number and wavelength, runs in short: ``bands 130-135 (1331-1391 nm)``."""
    numbers = sorted(band.index for band in bands)
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs[:12]]
    more = f" and {len(runs) - 12} more runs" if len(runs) > 12 else ""
    nm = [band.wavelength for band in bands if band.wavelength is not None]
    light = ""
    if nm:
        light = f" ({min(nm):.0f}-{max(nm):.0f} nm)" if len(nm) > 1 else f" ({nm[0]:.1f} nm)"
    return ("band " if len(numbers) == 1 else "bands ") + ", ".join(parts) + more + light


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)
