"""Values that repeat: by chance in coarse numbers, and where they are wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.checking.coverage import check_stuck
from hsicnn.core.checking.samples import Samples
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.raster.bands import Band

from .conftest import found

COUNT = 1200


def bytes_of_four_classes(bands, noise, seed):
    """Clean spectra of four classes in whole numbers, two of them flat; and their classes."""
    random = np.random.default_rng(seed)
    values = np.repeat(np.arange(1, 5), COUNT // 4)
    x = np.linspace(0, 1, bands)
    means = np.array([
        20 + 80 / (1 + np.exp(-25 * (x - 0.45))),
        60 + 60 * x,
        np.full(bands, 40.0),
        np.full(bands, 10.0),
    ])  # fmt: skip
    bright = 1 + 0.06 * random.standard_normal((COUNT, 1))
    spectra = means[values - 1] * bright + noise * random.standard_normal((COUNT, bands))
    return np.clip(np.rint(spectra), 0, 255), values


def told(spectra, values):
    """Return rows and scores of the suspects, and the findings."""
    samples = Samples(
        tuple(ClassInfo(k, f"class {k}", "#000000") for k in range(1, 5)),
        tuple(Band(n + 1, f"band {n + 1}") for n in range(spectra.shape[1])),
        np.arange(COUNT),
        np.zeros(COUNT, np.int64),
        values.astype(np.int64),
        np.arange(COUNT),
        spectra.astype(np.float32),
    )
    verdict, wrong = check_stuck(samples, np.random.default_rng(0))
    assert [item.row for item in verdict.suspects] == np.flatnonzero(wrong).tolist()
    return {item.row: item.score for item in verdict.suspects}, verdict.findings


@pytest.mark.parametrize("bands", [30, 100])
@pytest.mark.parametrize("noise", [0.7, 1.0, 1.5, 3.0])
def test_clean_whole_numbers_repeat_by_chance(bands, noise):
    for seed in range(3):
        assert told(*bytes_of_four_classes(bands, noise, seed)) == ({}, [])


@pytest.mark.parametrize("noise", [0.7, 1.5])
def test_a_missing_detector_is_found_among_them_and_is_less_sure_than_a_dead_pixel(noise):
    spectra, values = bytes_of_four_classes(100, noise, 1)
    chosen = np.random.default_rng(2).permutation(COUNT)[:30]
    dead, partly = chosen[:15].tolist(), chosen[15:].tolist()
    spectra[dead] = 0
    spectra[partly, 25:50] = 7
    suspects, _ = told(spectra, values)
    assert set(suspects) == {*dead, *partly}
    assert {suspects[place] for place in dead} == {1.0}
    assert all(0.9 < suspects[place] < 1 for place in partly)


def test_a_class_that_is_dead_as_a_whole_is_told():
    spectra, values = bytes_of_four_classes(30, 1.0, 1)
    spectra[values == 2] = 0
    assert set(told(spectra, values)[0]) == set(np.flatnonzero(values == 2).tolist())


def test_coarse_numbers_are_not_cut_off_at_the_top(scene):
    scene.values = np.rint(scene.values / 500.0).astype(np.int16)
    assert not found(scene.check(), "saturation")
    np.minimum(scene.values, 3, out=scene.values)
    assert "Cut off at the top" in found(scene.check(), "saturation")
