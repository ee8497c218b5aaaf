"""Classes are compared out of fold: errors are those of theory, noise is measured."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.checking.samples import Samples
from hsicnn.core.checking.separability import (
    calibrate,
    classify_out_of_fold,
    confused_pairs,
    contradicted,
)
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.errors import Cancelled
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.bands import Band
from scipy.stats import norm


def samples_of(spectra, values, patches=None):
    count, bands = spectra.shape
    return Samples(
        tuple(ClassInfo(k, f"class {k}", "#000000") for k in range(1, int(values.max()) + 1)),
        tuple(Band(n + 1, f"band {n + 1}") for n in range(bands)),
        np.arange(count),
        np.zeros(count, np.int64),
        values.astype(np.int64),
        np.arange(count) if patches is None else patches,
        spectra.astype(np.float32),
    )


def normal_classes(distance, count=1500, bands=10, seed=0):
    """Three classes of unit spread, neighbours ``distance`` apart."""
    random = np.random.default_rng(seed)
    values = np.repeat(np.arange(1, 4), count)
    spectra = random.standard_normal((3 * count, bands))
    spectra[:, 0] += distance * values
    return samples_of(spectra, values)


def compare(samples):
    return classify_out_of_fold(samples, 1, SilentProgress())


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0, 4.0])
def test_errors_of_pairs_are_those_of_normal_classes(distance):
    pairs = {(p.first, p.second): p for p in confused_pairs(compare(normal_classes(distance)))}
    for (a, b), pair in pairs.items():
        expected = norm.cdf(-distance * (b - a) / 2)
        assert pair.error == pytest.approx(expected, abs=0.03)
        assert pair.pixels == 1500
    assert set(pairs) == {(0, 1), (0, 2), (1, 2)}


def test_more_bands_than_samples_find_nothing_in_noise():
    """What a measure on the samples themselves would get wrong."""
    random = np.random.default_rng(0)
    samples = samples_of(random.standard_normal((120, 200)), np.repeat([1, 2], 60))
    assert confused_pairs(compare(samples))[0].error == pytest.approx(0.5, abs=0.12)


def test_pixels_of_a_polygon_do_not_speak_for_each_other():
    """Every polygon has a shade of its own that tells nothing about its class."""
    random = np.random.default_rng(0)
    patches = np.repeat(np.arange(40), 20)
    shades = random.standard_normal((40, 60))
    spectra = shades[patches] + 0.01 * random.standard_normal((800, 60))
    values = patches % 2 + 1
    apart = compare(samples_of(spectra, values, patches))
    mixed = compare(samples_of(spectra, values))
    assert np.nanmean(mixed.recognised()) > 0.9
    assert np.nanmean(apart.recognised()) < 0.65


@pytest.mark.parametrize("share", [0.0, 0.03, 0.1, 0.2])
def test_the_share_of_random_labels_is_measured(share):
    samples = normal_classes(6.0)
    random = np.random.default_rng(4)
    wrong = random.random(len(samples)) < share
    labels = np.where(wrong, random.integers(1, 4, len(samples)), samples.values)
    spoilt = samples_of(samples.spectra, labels)
    found = compare(spoilt)
    calibration = calibrate(found, 1)
    assert calibration.noise == pytest.approx(share, abs=0.02)
    other = contradicted(found, calibration, 0.8)
    changed = labels != samples.values
    if share:
        assert (other[changed] == samples.values[changed]).mean() > 0.95
    assert (other[~changed] > 0).mean() < 0.005


def test_probabilities_say_how_often_they_are_right():
    found = compare(normal_classes(1.5, count=3000))
    shares = calibrate(found, 1).probabilities
    best = shares.max(axis=1)
    right = shares.argmax(axis=1) + 1 == found.values
    for low, high in ((0.4, 0.6), (0.6, 0.8), (0.8, 1.01)):
        own = (best >= low) & (best < high)
        assert own.sum() > 100
        assert right[own].mean() == pytest.approx(best[own].mean(), abs=0.05)


def test_what_cannot_be_compared_is_not():
    random = np.random.default_rng(0)
    one = samples_of(random.standard_normal((50, 5)), np.ones(50))
    assert compare(one) is None
    lone = samples_of(random.standard_normal((2, 5)), np.array([1, 2]))
    assert compare(lone) is None
    # Of a class with one sample nothing is left to learn it from.
    values = np.r_[np.ones(30), np.full(30, 2), 3]
    found = compare(samples_of(random.standard_normal((61, 5)), values))
    assert found.judged[:60].all()
    assert not found.judged[60]
    assert np.isnan(found.recognised()[2])
    assert {(p.first, p.second) for p in confused_pairs(found)} == {(0, 1)}
    assert contradicted(found, calibrate(found, 1), 0.8)[60] == 0
    assert found.confusion().sum() == 60


def test_bands_that_are_alike_or_constant_do_no_harm():
    samples = normal_classes(6.0, count=200)
    spectra = np.concatenate([samples.spectra, samples.spectra, np.ones((600, 3))], axis=1)
    found = compare(samples_of(spectra, samples.values))
    assert np.nanmin(found.recognised()) > 0.97


def test_the_seed_decides_the_folds():
    samples = normal_classes(1.0, count=100)
    first, again = compare(samples), compare(samples)
    np.testing.assert_array_equal(first.scores, again.scores)
    other = classify_out_of_fold(samples, 2, SilentProgress())
    assert not np.array_equal(first.scores, other.scores)


def test_it_can_be_cancelled_before_every_fold():
    class Cancelling(SilentProgress):
        left = 3

        def check_cancel(self):
            self.left -= 1
            if self.left < 0:
                raise Cancelled

    with pytest.raises(Cancelled):
        classify_out_of_fold(normal_classes(1.0, count=50), 1, Cancelling())
