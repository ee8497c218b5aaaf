"""What in a raster a user should look at before training on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..raster.bands import Band, describe_bands
from ..raster.source import RasterSource
from .survey import Survey

REFLECTANCE = 1.6  # no surface reflects more, but for glints
RAW = 50.0  # values like these are counts or scaled reflectance


def findings(source: RasterSource, bands: Sequence[Band], found: Survey) -> list[str]:
    """Return a sentence for each thing to look at, with what to do; none where all is well.

    Args:
        source: the raster.
        bands: those that were looked at.
        found: what was seen of them.
    """
    return [
        *_place(source),
        *_wavelengths(bands),
        *_values(bands, found),
        *_scale(source, bands, found),
    ]


def _place(source: RasterSource) -> list[str]:
    told = []
    if not source.grid.crs_wkt:
        told.append(
            "The image has no coordinate system: reference data must lie on the same pixels. Set "
            "one with 'Assign projection' if it is known."
        )
    if not source.grid.georeferenced:
        told.append(
            "The image has no georeference: its maps lie at pixel coordinates, and only "
            "reference rasters of the same size fit."
        )
    return told


def _wavelengths(bands: Sequence[Band]) -> list[str]:
    known = [band for band in bands if band.wavelength is not None]
    told = []
    if not known:
        told.append(
            "The bands have no wavelengths: a model takes them by their number, and fits only "
            "images with the same bands in the same order."
        )
    elif len(known) < len(bands):
        told.append(f"{len(bands) - len(known)} of {len(bands)} bands have no wavelength.")
    else:
        steps = np.diff([band.wavelength or 0.0 for band in bands])
        if (steps < 0).any() and not (steps < 0).all():
            told.append(
                "The wavelengths do not rise from band to band; the plugin sorts bands by them."
            )
    bad = [band for band in bands if band.bad]
    if bad:
        told.append(f"Marked as bad, and left out of training: {describe_bands(bad)}.")
    return told


def _values(bands: Sequence[Band], found: Survey) -> list[str]:
    told = []
    if not found.valid:
        return ["No pixel that was looked at has a value: check the nodata value and the mask."]
    empty = [band for band, share in zip(bands, found.missing) if share >= 1]
    if empty:
        told.append(f"Without any value, and left out of training: {describe_bands(empty)}.")
    still = [
        band
        for band, least, most in zip(bands, found.least, found.most)
        if np.isfinite(least) and least == most and not band.bad
    ]
    if still:
        told.append(
            f"The same value everywhere: {describe_bands(still)}. They tell nothing; mark them as "
            "bad (bbl = 0) or leave them out."
        )
    if found.valid < found.seen * 0.5:
        told.append(
            f"{1 - found.valid / found.seen:.0%} of the pixels have no values. If that is more "
            "than it should be, check the nodata value."
        )
    return told


def _scale(source: RasterSource, bands: Sequence[Band], found: Survey) -> list[str]:
    usable = [mean for band, mean in zip(bands, found.mean) if not band.bad and np.isfinite(mean)]
    if not usable:
        return []
    middle = float(np.median(usable))
    scaled = any(band.scale != 1 for band in bands)
    if not scaled and source.dtype.kind in "iu" and middle > RAW:
        return [
            f"Values are around {middle:,.0f} and no scale is set. Maps are no worse for it; but a "
            "model then fits only images with the same numbers. Reflectance times 10,000 gets "
            "the scale 0.0001 (in QGIS: 'Translate' with '-a_scale 0.0001')."
        ]
    if scaled and not 0 < middle < REFLECTANCE:
        return [
            f"With the scale of the file, values are around {middle:,.3g}; reflectance is 0 to 1. "
            "Check the scale and the offset of the bands."
        ]
    return []
