"""The land covers of the example scene: what each reflects, and what it is mistaken for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .spectra import asphalt, canopy, clay_tiles, concrete, leaf, open_water, soil

Spectrum = npt.NDArray[np.float64]
Draw = Callable[[float, float], float]  # (mean, relative standard deviation) -> one field's value
Recipe = Callable[[Spectrum, Draw], Spectrum]


# On the spreads in the recipes: fields of a crop differ, and still are that crop.
FIELD_SPREAD = 0.45


@dataclass(frozen=True)
class Cover:
    """A land cover.

    Attributes:
        name: for the legend.
        color: ``#rrggbb``.
        recipe: reflectance of one field, its parameters drawn around the cover's own.
        share: how often it is sown, relative to the others.
        height: metres above ground; tall covers throw shadows.
        crowns: relative standard deviation of brightness from pixel to pixel.
        mixed_with: other covers that stand or lie between it, with the standard deviation
            of their share from pixel to pixel. Weeds, gaps, crop residues: what makes a
            single pixel doubtful and its field clear.
    """

    name: str
    color: str
    recipe: Recipe
    share: float = 1.0
    height: float = 0.0
    crowns: float = 0.05
    mixed_with: Mapping[str, float] = field(default_factory=dict)


def _loam(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    return soil(
        wavelengths,
        brightness=draw(0.34, 0.05),
        iron=draw(0.85, 0.05),
        clay=draw(0.35, 0.06),
        moisture=draw(0.30, 0.10),
    )


def _clay(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    return soil(
        wavelengths,
        brightness=draw(0.33, 0.05),
        iron=draw(1.0, 0.05),
        clay=draw(0.70, 0.06),
        moisture=draw(0.38, 0.10),
    )


def _wheat(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    leaves = leaf(
        wavelengths,
        chlorophyll=draw(1.0, 0.04),
        water=draw(0.95, 0.04),
        dry=draw(0.34, 0.06),
        plateau=draw(0.52, 0.02),
    )
    return canopy(wavelengths, leaves, _loam(wavelengths, draw), draw(3.0, 0.06))


def _barley(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    leaves = leaf(
        wavelengths,
        chlorophyll=draw(0.74, 0.04),
        water=draw(0.74, 0.04),
        dry=draw(0.50, 0.06),
        plateau=draw(0.505, 0.02),
    )
    return canopy(wavelengths, leaves, _loam(wavelengths, draw), draw(2.7, 0.06))


def _maize(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    leaves = leaf(
        wavelengths,
        chlorophyll=draw(1.15, 0.04),
        water=draw(1.15, 0.04),
        dry=draw(0.28, 0.06),
        plateau=draw(0.54, 0.02),
    )
    return canopy(wavelengths, leaves, _loam(wavelengths, draw), draw(1.7, 0.06))


def _meadow(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    leaves = leaf(
        wavelengths,
        chlorophyll=draw(0.85, 0.05),
        water=draw(1.05, 0.05),
        dry=draw(0.40, 0.06),
        plateau=draw(0.475, 0.02),
    )
    return canopy(wavelengths, leaves, _clay(wavelengths, draw), draw(2.9, 0.06))


def _broadleaf(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    leaves = leaf(
        wavelengths,
        chlorophyll=draw(1.15, 0.04),
        water=draw(1.05, 0.04),
        dry=draw(0.36, 0.06),
        plateau=draw(0.43, 0.03),
    )
    return canopy(wavelengths, leaves, 0.3 * _loam(wavelengths, draw), draw(3.6, 0.06))


def _conifer(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    leaves = leaf(
        wavelengths,
        chlorophyll=draw(1.25, 0.04),
        water=draw(1.40, 0.04),
        dry=draw(0.66, 0.06),
        plateau=draw(0.33, 0.03),
    )
    return canopy(wavelengths, leaves, 0.3 * _loam(wavelengths, draw), draw(3.4, 0.06))


def _stubble(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    straw = leaf(
        wavelengths,
        chlorophyll=draw(0.02, 0.1),
        water=draw(0.12, 0.1),
        dry=draw(0.95, 0.06),
        plateau=draw(0.50, 0.03),
    )
    return canopy(wavelengths, straw, _loam(wavelengths, draw), draw(0.75, 0.08))


def _water(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    return open_water(wavelengths, turbidity=draw(0.4, 0.2), chlorophyll=draw(0.4, 0.2))


def _paved(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    tar = asphalt(wavelengths, brightness=draw(0.17, 0.06), age=draw(0.6, 0.15))
    share = min(max(draw(0.35, 0.15), 0.0), 1.0)
    return (1.0 - share) * tar + share * concrete(wavelengths, brightness=draw(0.28, 0.06))


def _roof(wavelengths: Spectrum, draw: Draw) -> Spectrum:
    tiles = clay_tiles(wavelengths, brightness=draw(0.34, 0.06))
    return 0.8 * tiles + 0.2 * asphalt(wavelengths, brightness=draw(0.15, 0.1))


# The first CLASSES of them are sown and mapped: every beginning of the list is a landscape.
COVERS = (
    Cover(
        "Wheat", "#d9b44a", _wheat, 1.3, mixed_with={"Barley": 0.5, "Meadow": 0.25, "Maize": 0.2}
    ),
    Cover("Loam soil", "#a0764b", _loam, 1.0, mixed_with={"Clay soil": 0.5, "Stubble": 0.25}),
    Cover("Meadow", "#8fd14f", _meadow, 1.2, mixed_with={"Barley": 0.4, "Broadleaf wood": 0.3}),
    Cover(
        "Broadleaf wood",
        "#2e8b3d",
        _broadleaf,
        1.0,
        height=12.0,
        crowns=0.16,
        mixed_with={"Conifer wood": 0.45, "Meadow": 0.2},
    ),
    Cover("Barley", "#f2e08c", _barley, 1.1, mixed_with={"Wheat": 0.5, "Meadow": 0.25}),
    Cover("Clay soil", "#6d4a3a", _clay, 0.9, mixed_with={"Loam soil": 0.5, "Stubble": 0.2}),
    Cover(
        "Conifer wood",
        "#0f4d3f",
        _conifer,
        0.9,
        height=16.0,
        crowns=0.20,
        mixed_with={"Broadleaf wood": 0.45},
    ),
    Cover("Water", "#3a7fd5", _water, 0.5, crowns=0.12),
    Cover("Stubble", "#cfa77f", _stubble, 0.9, mixed_with={"Loam soil": 0.4, "Paved": 0.25}),
    Cover("Paved", "#8c8c94", _paved, 0.5, crowns=0.12, mixed_with={"Loam soil": 0.3}),
    Cover("Maize", "#b1d8a0", _maize, 1.0, mixed_with={"Wheat": 0.4, "Meadow": 0.25}),
    Cover("Roof", "#d1495b", _roof, 0.5, height=7.0, crowns=0.15, mixed_with={"Paved": 0.3}),
)
COVER_NAMES = tuple(cover.name for cover in COVERS)


def typical(cover: Cover, wavelengths: Spectrum) -> Spectrum:
    """Return the cover's reflectance with nothing drawn: ``(bands,)``."""
    return cover.recipe(wavelengths, lambda mean, _spread: mean)


def of_field(cover: Cover, wavelengths: Spectrum, generator: np.random.Generator) -> Spectrum:
    """Return the reflectance of one field of the cover: ``(bands,)``."""

    def draw(mean: float, spread: float) -> float:
        return max(mean * (1.0 + FIELD_SPREAD * spread * generator.normal()), 0.0)

    return cover.recipe(wavelengths, draw)


def mixing_directions(
    wavelengths: Spectrum,
) -> tuple[npt.NDArray[np.float32], list[int], list[float]]:
    """Return what the mixtures inside fields add.

    Returns:
        Differences to the companion's reflectance ``(directions, bands)``, the position of
        the cover each belongs to, and the standard deviation of the companion's share.
    """
    spectra = [typical(cover, wavelengths) for cover in COVERS]
    rows, owners, spreads = [], [], []
    for position, cover in enumerate(COVERS):
        for name, spread in cover.mixed_with.items():
            rows.append(spectra[COVER_NAMES.index(name)] - spectra[position])
            owners.append(position)
            spreads.append(spread)
    return np.asarray(rows, dtype=np.float32), owners, spreads
