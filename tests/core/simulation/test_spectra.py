from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.simulation.covers import COVER_NAMES, COVERS, mixing_directions, typical
from hsicnn.core.simulation.spectra import canopy, leaf, open_water, soil

NM = np.arange(400.0, 2500.0, 5.0)


def at(spectrum: np.ndarray, wavelength: float) -> float:
    return float(np.interp(wavelength, NM, spectrum))


def depth(spectrum: np.ndarray, centre: float, left: float, right: float) -> float:
    """Depth of an absorption below the line between its shoulders, 0..1."""
    share = (centre - left) / (right - left)
    line = (1 - share) * at(spectrum, left) + share * at(spectrum, right)
    return 1 - at(spectrum, centre) / line


@pytest.mark.parametrize("cover", COVERS, ids=lambda cover: cover.name)
def test_reflectance_is_physical(cover):
    spectrum = typical(cover, NM)
    assert spectrum.min() >= 0
    assert spectrum.max() < 0.8
    assert np.abs(np.diff(spectrum)).max() < 0.1


def test_leaves_absorb_red_reflect_infrared_and_show_their_water():
    fresh, dry = leaf(NM), leaf(NM, water=0.1)
    assert at(fresh, 850) > 6 * at(fresh, 670)
    assert at(fresh, 550) > 1.5 * at(fresh, 670)
    edge = NM[np.argmax(np.diff(fresh))]
    assert 690 <= edge <= 740
    assert depth(fresh, 1455, 1280, 1650) > 2 * depth(dry, 1455, 1280, 1650)


def test_more_chlorophyll_shifts_the_red_edge_to_longer_waves():
    pale, dark = leaf(NM, chlorophyll=0.3), leaf(NM, chlorophyll=1.5)
    half = [
        float(np.interp(0.25, s[(NM > 680) & (NM < 780)], NM[(NM > 680) & (NM < 780)]))
        for s in (pale, dark)
    ]
    assert half[1] > half[0] + 3


def test_clay_and_moisture_of_soils():
    assert depth(soil(NM, clay=1.0), 2207, 2130, 2270) > 0.15
    assert depth(soil(NM, clay=0.0), 2207, 2130, 2270) < 0.05
    wet, dry = soil(NM, moisture=0.8), soil(NM, moisture=0.0)
    assert at(wet, 1650) < at(dry, 1650)


def test_water_swallows_the_infrared():
    water = open_water(NM)
    assert at(water, 560) > 3 * at(water, 1000)
    assert at(water, 1650) < 0.01


def test_a_canopy_lies_between_its_soil_and_its_leaves():
    leaves, ground = leaf(NM), soil(NM)
    assert np.allclose(canopy(NM, leaves, ground, 0.0), ground)
    assert np.abs(canopy(NM, leaves, ground, 12.0) - leaves).max() < 0.01


def test_similar_covers_are_similar_and_others_are_not():
    spectra = {cover.name: typical(cover, NM) for cover in COVERS}
    crops = np.abs(spectra["Wheat"] - spectra["Barley"]).mean()
    apart = np.abs(spectra["Wheat"] - spectra["Water"]).mean()
    assert 0.003 < crops < apart / 5


def test_mixtures_point_at_covers_that_exist():
    directions, owners, spreads = mixing_directions(NM)
    assert directions.shape == (len(owners), len(NM))
    assert len(spreads) == len(owners)
    for cover in COVERS:
        assert set(cover.mixed_with) <= set(COVER_NAMES) - {cover.name}
