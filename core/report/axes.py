"""What spectra are drawn against."""

from __future__ import annotations

from collections.abc import Sequence

from ..raster.bands import Band


def spectral_axis(bands: Sequence[Band]) -> tuple[list[float], str]:
    """Return where bands lie, and what that is: wavelengths, or numbers where one has none."""
    lengths = [band.wavelength for band in bands]
    if all(length is not None for length in lengths):
        return [length or 0.0 for length in lengths], "wavelength, nm"
    return [float(band.index) for band in bands], "band"
