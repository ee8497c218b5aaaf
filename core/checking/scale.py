"""The size of the values: of reflectance, of another unit, of another sensor than the model's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import DependencyError, RasterError
from ..inference.model_bands import find_bands
from ..inference.scale import check_scales, scales_of
from ..inspection.finding import ERROR, NOTE, WARNING, Finding
from ..inspection.findings import REFLECTANCE
from ..modelfile.bundle import load_bundle
from ..progress import Progress
from ..raster.bands import Band, describe_bands
from ..raster.source import RasterSource
from ..report.html import percent

_PER_CENT = (REFLECTANCE, 120.0)  # typical values of reflectance in per cent lie between
_OFTEN = 0.05  # share of pixels below 0, from which a band is named


def check_values(
    source: RasterSource, bands: Sequence[Band], spectra: npt.NDArray[np.float32]
) -> list[Finding]:
    """Look at the size of the values, beside what ``inspection.findings`` says of it.

    Args:
        source: the image.
        bands: of the spectra.
        spectra: ``(n, bands)`` physical values; NaN where there are none.
    """
    if not np.isfinite(spectra).any():
        return []
    findings = []
    middle = float(np.nanmedian(spectra))
    scaled = any(band.scale != 1 for band in bands)
    if not scaled and source.dtype.kind == "f" and middle > REFLECTANCE:
        unit = "per cent" if middle < _PER_CENT[1] else "counts, radiance or scaled reflectance"
        found = (
            f"Labelled pixels hold values around {middle:,.4g} and the bands have no scale: these "
            f"are no reflectances of 0 to 1, but {unit}."
        )
        advice = (
            "Training does not mind. But a model fits only images with the same numbers: set the "
            "scale (in QGIS: 'Translate' with '-a_scale'), or keep to one product."
        )
        findings.append(Finding(NOTE, "scale", found, advice))
    counts = np.isfinite(spectra).sum(axis=0)
    shares = (spectra < 0).sum(axis=0) / np.maximum(counts, 1)
    below = [band for band, share in zip(bands, shares) if share >= _OFTEN]
    if below:
        findings.append(_negative(below, float(shares.max()), len(bands)))
    return findings


def _negative(below: Sequence[Band], most: float, bands: int) -> Finding:
    found = (
        f"Values below 0 in {percent(most)} of the labelled pixels at the most: "
        f"{describe_bands(below)}."
    )
    if len(below) > bands / 2:
        advice = (
            "Reflectance is not negative. Check offset and scale of the bands, and whether these "
            "are reflectances at all (principal components, for example, are not)."
        )
        return Finding(WARNING, "scale", found, advice)
    advice = (
        "In a few bands this is an atmospheric correction that took away too much, over water, in "
        "shadow, or where water vapour absorbs. Leave such bands out if they are noise."
    )
    return Finding(NOTE, "scale", found, advice)


def check_against_model(model: str, source: RasterSource, progress: Progress) -> list[Finding]:
    """Compare the image with what a model was trained on.

    Args:
        model: path of a model file.
        source: the image.
        progress: asked for cancelling.

    Raises:
        ModelFileError: the model cannot be read.
        DependencyError: safetensors is missing.
        Cancelled: the user stopped.
    """
    try:
        bundle = load_bundle(model)
    except ImportError as error:
        raise DependencyError(
            f"MODEL cannot be read without safetensors ({error}). Install it ('Check environment' "
            "says how), or leave MODEL empty."
        ) from error
    advice = (
        "Samples of this image and those that the model was trained on do not go together as they "
        "are."
    )
    try:
        positions = find_bands(bundle, source)
    except RasterError as error:
        return [Finding(ERROR, "another sensor", str(error), advice)]
    try:
        check_scales(source, positions, scales_of(bundle), progress)
    except RasterError as error:
        return [Finding(ERROR, "scale", str(error), advice)]
    return []
