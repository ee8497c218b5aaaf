"""What in a raster a user should look at before training on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..raster.bands import Band, describe_bands
from ..raster.source import RasterSource
from .finding import ERROR, NOTE, WARNING, Finding
from .survey import Survey

REFLECTANCE = 1.6  # no surface reflects more, but for glints
RAW = 50.0  # values like these are counts or scaled reflectance


def findings(source: RasterSource, bands: Sequence[Band], found: Survey) -> list[Finding]:
    """Return each thing to look at, with what to do; none where all is well.

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


def _place(source: RasterSource) -> list[Finding]:
    told = []
    if not source.grid.crs_wkt:
        told.append(
            Finding(
                WARNING,
                "coordinate system",
                "The image has no coordinate system: reference data must lie on the same pixels.",
                "Set one with 'Assign projection' if it is known.",
            )
        )
    if not source.grid.georeferenced:
        told.append(
            Finding(
                WARNING,
                "georeference",
                "The image has no georeference: its maps lie at pixel coordinates, and only "
                "reference rasters of the same size fit.",
            )
        )
    return told


def _wavelengths(bands: Sequence[Band]) -> list[Finding]:
    known = [band for band in bands if band.wavelength is not None]
    told = []
    if not known:
        told.append(
            Finding(
                NOTE,
                "wavelengths",
                "The bands have no wavelengths: a model takes them by their number, and fits only "
                "images with the same bands in the same order.",
            )
        )
    elif len(known) < len(bands):
        words = f"{len(bands) - len(known)} of {len(bands)} bands have no wavelength."
        told.append(Finding(NOTE, "wavelengths", words))
    else:
        steps = np.diff([band.wavelength or 0.0 for band in bands])
        if (steps < 0).any() and not (steps < 0).all():
            words = "The wavelengths do not rise from band to band; the plugin sorts bands by them."
            told.append(Finding(NOTE, "wavelengths", words))
    bad = [band for band in bands if band.bad]
    if bad:
        words = f"Marked as bad, and left out of training: {describe_bands(bad)}."
        told.append(Finding(NOTE, "bands", words))
    return told


def _values(bands: Sequence[Band], found: Survey) -> list[Finding]:
    told = []
    if not found.valid:
        words = "No pixel that was looked at has a value: check the nodata value and the mask."
        return [Finding(ERROR, "nodata", words)]
    empty = [band for band, share in zip(bands, found.missing) if share >= 1]
    if empty:
        words = f"Without any value, and left out of training: {describe_bands(empty)}."
        told.append(Finding(NOTE, "bands", words))
    still = [
        band
        for band, least, most in zip(bands, found.least, found.most)
        if np.isfinite(least) and least == most and not band.bad
    ]
    if still:
        told.append(
            Finding(
                WARNING,
                "bands",
                f"The same value everywhere: {describe_bands(still)}. They tell nothing.",
                "Mark them as bad (bbl = 0) or leave them out.",
            )
        )
    if found.valid < found.seen * 0.5:
        told.append(
            Finding(
                NOTE,
                "nodata",
                f"{1 - found.valid / found.seen:.0%} of the pixels have no values.",
                "If that is more than it should be, check the nodata value.",
            )
        )
    return told


def _scale(source: RasterSource, bands: Sequence[Band], found: Survey) -> list[Finding]:
    usable = [mean for band, mean in zip(bands, found.mean) if not band.bad and np.isfinite(mean)]
    if not usable:
        return []
    middle = float(np.median(usable))
    scaled = any(band.scale != 1 for band in bands)
    if not scaled and source.dtype.kind in "iu" and middle > RAW:
        return [
            Finding(
                WARNING,
                "scale",
                f"Values are around {middle:,.0f} and no scale is set. Maps are no worse for it; "
                "but a model then fits only images with the same numbers.",
                "Reflectance times 10,000 gets the scale 0.0001 (in QGIS: 'Translate' with "
                "'-a_scale 0.0001').",
            )
        ]
    if scaled and not 0 < middle < REFLECTANCE:
        return [
            Finding(
                WARNING,
                "scale",
                f"With the scale of the file, values are around {middle:,.3g}; reflectance is 0 "
                "to 1.",
                "Check the scale and the offset of the bands.",
            )
        ]
    return []
