"""Spectra far from their class, in its axes or beside them."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.checking.outliers import FAR, distances

pytest.importorskip("sklearn")


def cloud(count=400, bands=60, axes=4, seed=0):
    random = np.random.default_rng(seed)
    basis = random.standard_normal((axes, bands))
    return random.standard_normal((count, axes)) @ basis + 0.05 * random.standard_normal(
        (count, bands)
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_normal_class_has_no_outlier(seed):
    assert distances(cloud(seed=seed), 0).max() < FAR


def test_far_in_its_axes_and_far_beside_them():
    spectra = cloud()
    random = np.random.default_rng(1)
    basis = random.standard_normal(60)
    beyond = spectra.copy()
    beyond[:20] *= 12  # along the axes
    beyond[20:40, 17] += 5.0  # in one band
    beyond[40:60] += 3 * basis  # a material of its own
    found = distances(beyond, 0)
    assert (found[:60] > FAR).mean() > 0.9
    assert (found[60:] > FAR).mean() < 0.01


def test_numbers_do_not_depend_on_unit_or_order():
    spectra = cloud()
    spectra[:10] += 4.0
    found = distances(spectra, 0)
    np.testing.assert_allclose(distances(spectra * 1000, 0), found, rtol=1e-6, atol=1e-6)
    order = np.random.default_rng(0).permutation(len(spectra))
    turned = distances(spectra[order], 0)
    assert ((turned > FAR) == (found[order] > FAR)).mean() > 0.99


def test_equal_spectra_and_single_bands_do_no_harm():
    assert (distances(np.ones((100, 8)), 0) == 0).all()
    single = np.random.default_rng(0).standard_normal((200, 1))
    single[0] = 60
    found = distances(single, 0)
    assert found[0] > FAR
    assert found[1:].max() < FAR
