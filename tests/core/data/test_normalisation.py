from __future__ import annotations

import numpy as np
import pytest
import torch
from hsicnn.core.data.normalisation import (
    KINDS,
    Normalisation,
    fit_normalisation,
    normalise_tensor,
)
from hsicnn.core.errors import InputError, ModelFileError


@pytest.fixture
def spectra() -> np.ndarray:
    generator = np.random.default_rng(5)
    mixing = generator.normal(size=(12, 12))
    return (generator.normal(size=(500, 12)) @ mixing + 7).astype(np.float32)


def test_band_gives_mean_0_and_deviation_1(spectra):
    out = fit_normalisation("band", spectra).apply(spectra)
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(out.std(0), 1, rtol=1e-4)


def test_pca_whitens_and_keeps_the_components_asked_for(spectra):
    whitening = fit_normalisation("pca", spectra, components=5)
    out = whitening.apply(spectra)
    assert out.shape == (500, 5)
    np.testing.assert_allclose(np.cov(out.T), np.eye(5), atol=2e-3)


def test_pca_spans_the_same_space_as_scikit_learns(spectra):
    from sklearn.decomposition import PCA

    ours = fit_normalisation("pca", spectra, components=4).apply(spectra)
    theirs = PCA(4, whiten=True).fit_transform(spectra.astype(np.float64))
    signs = np.sign((ours * theirs).sum(0))
    np.testing.assert_allclose(ours, theirs * signs, atol=1e-3)


def test_power_below_one_leaves_the_first_components_larger(spectra):
    half = fit_normalisation("pca", spectra, components=6, power=0.5).apply(spectra).std(0, ddof=1)
    assert (np.diff(half) < 0).all()
    np.testing.assert_allclose(np.mean(half**2), 1, rtol=1e-3)


def test_zca_keeps_the_bands_and_makes_them_independent(spectra):
    out = fit_normalisation("zca", spectra).apply(spectra)
    assert out.shape == spectra.shape
    np.testing.assert_allclose(np.cov(out.T), np.eye(12), atol=5e-3)
    centred = spectra - spectra.mean(0)
    for band in range(12):  # of all rotations ZCA stays closest to the bands themselves
        together = np.corrcoef(np.c_[centred[:, band], out].T)[0, 1:]
        assert together[band] > 0


def test_fewer_pixels_than_bands_are_never_whitened_into_noise():
    few = np.random.default_rng(1).normal(size=(6, 40)).astype(np.float32)
    whitening = fit_normalisation("pca", few, components=30)
    assert whitening.outputs <= 5
    assert np.isfinite(whitening.apply(few)).all()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_missing_values_become_the_training_mean(kind, spectra):
    fitted = fit_normalisation(kind, spectra)
    broken = spectra[:3].copy()
    broken[0] = np.nan
    broken[1, 4] = np.nan
    out = fitted.apply(broken)
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out[0], 0, atol=1e-6)
    filled = spectra[1:2].copy()
    filled[0, 4] = fitted.mean[4]
    np.testing.assert_allclose(out[1:2], fitted.apply(filled), atol=1e-4)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_dark_is_what_a_spectrum_of_zeros_becomes(kind, spectra):
    fitted = fit_normalisation(kind, spectra)
    zeros = np.zeros((1, 12), np.float32)
    np.testing.assert_allclose(fitted.apply(zeros)[0], fitted.dark, rtol=1e-4, atol=1e-4)


def test_a_band_without_variance_is_switched_off(spectra):
    spectra[:, 3] = 4.0
    out = fit_normalisation("band", spectra).apply(spectra + 1)
    assert (out[:, 3] == 0).all()


def test_nan_in_the_training_pixels_is_left_out(spectra):
    with_holes = spectra.copy()
    with_holes[::7, 2] = np.nan
    fitted = fit_normalisation("band", with_holes)
    known = with_holes[np.isfinite(with_holes[:, 2]), 2]
    assert fitted.mean[2] == pytest.approx(known.mean(), rel=1e-5)


def test_one_pixel_is_enough_not_to_fail():
    one = np.arange(5, dtype=np.float32)[None]
    for kind in KINDS:
        assert np.isfinite(fit_normalisation(kind, one).apply(one)).all()


def test_min_max_leads_from_0_to_1_and_cuts_nothing(spectra):
    spectra[::9, 2] = np.nan
    spectra[:, 5] = 3.0
    spectra[:, 7] = np.nan
    fitted = fit_normalisation("min-max", spectra)
    out = fitted.apply(spectra)
    used = [band for band in range(12) if band not in (5, 7)]
    known = np.isfinite(spectra)
    for band in used:
        values = out[known[:, band], band]
        assert values.min() == 0
        assert values.max() == pytest.approx(1, rel=1e-5)
    assert (out[:, [5, 7]] == 0).all()
    assert np.isfinite(fitted.transform).all()
    beyond = np.nanmax(spectra, axis=0, initial=-1e9) * 2 + 10
    assert (fitted.apply(beyond[None])[0, used] > 1).all()
    assert fitted.apply(np.full((1, 12), np.nan, np.float32)).tolist() == [[0.0] * 12]


@pytest.mark.parametrize("factor", [10_000.0, 255.0])
def test_a_factor_divides_and_subtracts_nothing(factor, spectra):
    fitted = fit_normalisation("factor", spectra, factor=factor)
    np.testing.assert_allclose(fitted.apply(spectra), spectra / factor, rtol=1e-6)
    assert (fitted.dark == 0).all()
    values = torch.from_numpy(spectra[:3].copy())
    values[1, 4] = float("nan")
    mean, transform = torch.from_numpy(fitted.mean), torch.from_numpy(fitted.transform)
    out = normalise_tensor(values, mean, transform, torch.tensor([True, False, False]))
    assert (out[0] == 0).all()
    assert out[1, 4] == 0


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_inverse_leads_back(kind, spectra):
    fitted = fit_normalisation(kind, spectra)
    back = fitted.apply(spectra) @ fitted.inverse + fitted.mean
    np.testing.assert_allclose(back, spectra, rtol=1e-3, atol=5e-3)


def test_the_inverse_of_what_lost_something_is_near_and_finite(spectra):
    spectra[:, 3] = 4.0
    band = fit_normalisation("band", spectra)
    back = band.apply(spectra) @ band.inverse + band.mean
    np.testing.assert_allclose(back, spectra, atol=1e-3)
    for kind in ("pca", "zca"):
        fitted = fit_normalisation(kind, spectra, components=4)
        inputs = fitted.apply(spectra)
        back = inputs @ fitted.inverse + fitted.mean
        np.testing.assert_allclose(fitted.apply(back), inputs, atol=1e-3)


def test_round_trip_and_damage(spectra):
    fitted = fit_normalisation("pca", spectra, components=3)
    again = Normalisation.from_arrays("pca", fitted.arrays())
    np.testing.assert_array_equal(again.apply(spectra), fitted.apply(spectra))
    with pytest.raises(ModelFileError, match="damaged"):
        Normalisation.from_arrays("pca", {"mean": fitted.mean[:4], "transform": fitted.transform})
    with pytest.raises(ModelFileError, match="does not know"):
        Normalisation.from_arrays("magic", fitted.arrays())


def test_unknown_kind_and_no_pixels(spectra):
    with pytest.raises(InputError, match="choose one of"):
        fit_normalisation("magic", spectra)
    with pytest.raises(InputError, match="no training pixel"):
        fit_normalisation("band", spectra[:0])


@pytest.mark.parametrize("kind", ["band", "pca"])
@pytest.mark.parametrize("bands_first", [False, True])
def test_any_memory_layout_is_normalised_alike(kind, bands_first, spectra):
    fitted = fit_normalisation(kind, spectra)
    values = spectra[:9].copy()
    values[2, 1] = np.nan
    invalid = torch.arange(9) == 4
    given = torch.from_numpy(values.T.copy()).t() if bands_first else torch.from_numpy(values)
    mean, transform = torch.from_numpy(fitted.mean), torch.from_numpy(fitted.transform)
    out = normalise_tensor(given.clone(), mean, transform, invalid).numpy()
    expected = np.where(np.isnan(values), 0, values - fitted.mean) @ fitted.matrix
    expected[4] = 0
    np.testing.assert_allclose(out, expected, atol=1e-4)


def test_applying_leaves_the_values_alone(spectra):
    before = spectra.copy()
    fit_normalisation("band", spectra).apply(spectra)
    np.testing.assert_array_equal(spectra, before)
