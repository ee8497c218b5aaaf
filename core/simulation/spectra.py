"""Reflectance spectra of surfaces from a few physical parameters, 400-2500 nm.

Simple forms of what is known of these surfaces: leaves absorb as chlorophyll, water and dry
matter do (the positions of Jacquemoud and Baret 1990, PROSPECT), a canopy closes over its
soil with its leaf area (Beer's law), soils rise through iron absorptions and carry the clay
feature at 2200 nm, water swallows the infrared. Shapes and positions are right, depths are
plausible; they teach and test, they replace no measurement.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Spectrum = npt.NDArray[np.float64]

# (centre nm, width nm, strength): the standard deviation stands for the width
_CHLOROPHYLL = ((430, 35, 1.0), (475, 28, 0.85), (590, 45, 0.22), (640, 28, 0.45), (675, 17, 0.95))
_CAROTENE = ((450, 30, 0.5), (490, 20, 0.4), (515, 18, 0.2))
_WATER = (
    (975, 22, 0.09),
    (1190, 35, 0.22),
    (1455, 55, 1.6),
    (1790, 60, 0.35),
    (1940, 70, 3.2),
    (2550, 200, 3.0),
)
_DRY_MATTER = ((1500, 80, 0.18), (1720, 30, 0.2), (2100, 60, 0.55), (2310, 50, 0.55))
_IRON = ((490, 45, 0.35), (650, 50, 0.12), (880, 70, 0.22))
_HYDROXYL = ((1410, 22, 0.12), (1915, 35, 0.2))


def _peaks(wavelengths: Spectrum, table: tuple[tuple[float, float, float], ...]) -> Spectrum:
    """Sum of Gaussian absorptions: ``(bands,)``."""
    total = np.zeros_like(wavelengths)
    for centre, width, strength in table:
        total += strength * np.exp(-0.5 * ((wavelengths - centre) / width) ** 2)
    return total


def _step(wavelengths: Spectrum, centre: float, width: float) -> Spectrum:
    """Return a smooth step from 0 to 1 at ``centre`` nm."""
    return np.asarray(1.0 / (1.0 + np.exp(-(wavelengths - centre) / width)))


def leaf(
    wavelengths: Spectrum,
    *,
    chlorophyll: float = 1.0,
    water: float = 1.0,
    dry: float = 0.3,
    plateau: float = 0.55,
) -> Spectrum:
    """Reflectance of a thick layer of leaves.

    Args:
        wavelengths: nanometres, ``(bands,)``.
        chlorophyll: 1 is a healthy leaf (about 40 micrograms a square centimetre).
        water: 1 is a turgid leaf (about 0.012 cm).
        dry: cellulose and lignin, 0.2 fresh to 1.5 straw.
        plateau: reflectance of the near-infrared plateau.

    Returns:
        ``(bands,)`` reflectance, 0..1.
    """
    pigments = _peaks(wavelengths, _CHLOROPHYLL) + 0.6 * _peaks(wavelengths, _CAROTENE)
    # The pigments' tails fill the green gap; the red edge is where they end.
    pigments += 0.75 * (1.0 - _step(wavelengths, 702.0, 9.0))
    # Brown pigments of straw: a slope through the visible that chlorophyll hides.
    brown = 0.9 * dry * np.exp(-(wavelengths - 400.0) / 260.0)
    absorption = (
        2.1 * np.sqrt(max(chlorophyll, 0.0)) * pigments
        + 0.75 * water * _peaks(wavelengths, _WATER)
        + dry * _peaks(wavelengths, _DRY_MATTER)
        + brown
    )
    return np.asarray(plateau * np.exp(-absorption))


def canopy(wavelengths: Spectrum, leaves: Spectrum, soil: Spectrum, area: float) -> Spectrum:
    """Leaves over soil.

    Args:
        wavelengths: nanometres, ``(bands,)``.
        leaves: reflectance of a thick layer of leaves, ``(bands,)``.
        soil: reflectance below, ``(bands,)``.
        area: leaf area index, 0 (bare) to about 6 (closed).
    """
    # Leaves let the infrared through and stop the red: it sees more of the soil.
    extinction = 0.55 + 0.35 * (1.0 - _step(wavelengths, 715.0, 15.0))
    through = np.exp(-extinction * area)
    return np.asarray(leaves * (1.0 - through) + soil * through)


def soil(
    wavelengths: Spectrum,
    *,
    brightness: float = 0.35,
    iron: float = 1.0,
    clay: float = 0.5,
    moisture: float = 0.2,
) -> Spectrum:
    """Reflectance of bare soil.

    Args:
        wavelengths: nanometres, ``(bands,)``.
        brightness: reflectance of the dry soil near 1600 nm.
        iron: strength of the iron-oxide absorptions, 0..2.
        clay: depth of the 2200 nm feature, 0..1.
        moisture: 0 dry to 1 wet; darkens, most in the water bands.
    """
    rise = 1.0 - 0.85 * np.exp(-(wavelengths - 380.0) / 420.0)
    fall = 1.0 - 0.10 * _step(wavelengths, 2250.0, 90.0)
    minerals = iron * _peaks(wavelengths, _IRON) + _peaks(wavelengths, _HYDROXYL)
    minerals += clay * (
        0.35 * np.exp(-0.5 * ((wavelengths - 2207.0) / 24.0) ** 2)
        + 0.15 * np.exp(-0.5 * ((wavelengths - 2345.0) / 28.0) ** 2)
    )
    wet = moisture * (0.75 + 0.5 * _peaks(wavelengths, _WATER))
    return np.asarray(brightness * rise * fall * np.exp(-minerals - wet))


def open_water(
    wavelengths: Spectrum, *, turbidity: float = 0.3, chlorophyll: float = 0.3
) -> Spectrum:
    """Reflectance of a water body: green peak, little red, next to nothing beyond 900 nm."""
    scattering = (0.035 + 0.06 * turbidity) * np.exp(-(((wavelengths - 560.0) / 105.0) ** 2))
    blue = 0.02 * np.exp(-(wavelengths - 400.0) / 120.0)
    edge = 0.03 * turbidity * np.exp(-0.5 * ((wavelengths - 705.0) / 18.0) ** 2)
    infrared = 0.05 * turbidity * np.exp(-0.5 * ((wavelengths - 810.0) / 45.0) ** 2)
    pigments = np.exp(-chlorophyll * _peaks(wavelengths, _CHLOROPHYLL))
    return np.asarray((scattering + blue + edge) * pigments + infrared + 0.004)


def asphalt(wavelengths: Spectrum, *, brightness: float = 0.14, age: float = 0.5) -> Spectrum:
    """Reflectance of asphalt: dark, rising slowly; older is brighter, with hydrocarbon at 2310."""
    rise = 0.6 + 0.4 * (wavelengths - 400.0) / 2100.0 + 0.25 * age * _step(wavelengths, 600, 120)
    oil = (1.0 - age) * 0.12 * np.exp(-0.5 * ((wavelengths - 2310.0) / 35.0) ** 2)
    return np.asarray(brightness * rise * np.exp(-oil))


def concrete(wavelengths: Spectrum, *, brightness: float = 0.3) -> Spectrum:
    """Reflectance of concrete: bright and flat, carbonate at 2340 nm and some hydroxyl."""
    rise = 1.0 - 0.5 * np.exp(-(wavelengths - 380.0) / 260.0)
    minerals = 0.18 * np.exp(-0.5 * ((wavelengths - 2338.0) / 32.0) ** 2)
    return np.asarray(brightness * rise * np.exp(-minerals - _peaks(wavelengths, _HYDROXYL)))


def clay_tiles(wavelengths: Spectrum, *, brightness: float = 0.38) -> Spectrum:
    """Reflectance of burnt clay tiles: a steep red edge of iron oxide, no clay feature left."""
    rise = 0.12 + 0.88 * _step(wavelengths, 610.0, 38.0)
    iron = 0.28 * np.exp(-0.5 * ((wavelengths - 870.0) / 70.0) ** 2)
    return np.asarray(brightness * rise * np.exp(-iron) * (1 - 0.08 * _step(wavelengths, 2100, 90)))
