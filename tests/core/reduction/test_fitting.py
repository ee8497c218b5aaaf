"""PCA and MNF are those of dense computations, whatever the blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.errors import Cancelled, InputError, RasterError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.reduction import fitting, streaming
from hsicnn.core.reduction.fitting import fit_components
from hsicnn.core.reduction.noise import Noise
from hsicnn.core.reduction.settings import ReduceSettings
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal
from spectral_images import NODATA, Listener, neighbours, spectra_image, write_image

pytest.importorskip("sklearn")


def fit(path, progress=None, **given):
    with RasterSource(path) as source:
        return fit_components(
            source, source.bands, ReduceSettings(**given), progress or SilentProgress()
        )


@pytest.fixture(params=["one block", "many blocks"])
def blocks(request, monkeypatch):
    """Read in one block, or in many that are fitted in many batches."""
    if request.param == "many blocks":
        monkeypatch.setattr(streaming, "BLOCK_BYTES", 20_000)
        monkeypatch.setattr(fitting, "BATCH_PIXELS", 100)


def same_up_to_sign(found, expected, tolerance=1e-4):
    signs = np.sign((found * expected).sum(axis=0))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found * signs, expected, atol=tolerance * scale, rtol=0)


@pytest.mark.parametrize("whiten", [False, True])
def test_pca_is_that_of_scikit_learn(image, blocks, whiten):
    from sklearn.decomposition import PCA

    dense = PCA(n_components=6, whiten=whiten, svd_solver="full").fit(image.spectra)
    found = fit(image.path, method="pca", components=6, whiten=whiten)
    transform = found.transform
    np.testing.assert_allclose(transform.values, dense.explained_variance_, rtol=1e-6)
    np.testing.assert_allclose(transform.explained, dense.explained_variance_ratio_, rtol=1e-6)
    np.testing.assert_allclose(transform.mean, dense.mean_, rtol=1e-7)
    np.testing.assert_allclose(transform.deviation, image.spectra.std(axis=0), rtol=1e-6)
    same_up_to_sign(
        transform.apply(image.spectra.astype(np.float32)), dense.transform(image.spectra)
    )
    assert transform.pixels == len(image.spectra) == int(image.complete.sum())
    assert found.whole


def dense_mnf(image):
    """Green et al. in double precision: a generalised eigenproblem of two covariances."""
    from scipy.linalg import eigh

    noise = np.cov(neighbours(image.values).T) / 2
    values, vectors = eigh(np.cov(image.spectra.T), noise)
    return values[::-1], vectors[:, ::-1]


def test_mnf_is_that_of_a_dense_computation(image, blocks):
    values, vectors = dense_mnf(image)
    found = fit(image.path, method="mnf", components=12)
    np.testing.assert_allclose(found.transform.values, values, rtol=1e-5)
    expected = (image.spectra - image.spectra.mean(axis=0)) @ vectors
    same_up_to_sign(found.transform.apply(image.spectra.astype(np.float32)), expected)
    # The noise of every component is 1, and uncorrelated.
    changes = neighbours(image.values) @ found.transform.matrix
    np.testing.assert_allclose(np.cov(changes.T) / 2, np.eye(12), atol=1e-4)


@given(st.integers(0, 10_000))
def test_any_division_into_blocks_gives_the_same(seed):
    """Every pair of neighbours counts once, every pixel once."""
    import tempfile
    from pathlib import Path
    from unittest.mock import patch

    rng = np.random.default_rng(seed)
    rows, cols = rng.integers(2, 40, 2)
    raw = spectra_image(4, rows, cols, seed).astype(np.float32)
    raw[:, rng.random((rows, cols)) < 0.1] = NODATA
    with tempfile.TemporaryDirectory() as folder:
        image = write_image(Path(folder) / "image.tif", raw)
        if len(image.spectra) < 8 or len(neighbours(image.values)) < 8:
            return
        whole = fit(image.path, method="mnf", components=4)
        with patch.object(streaming, "BLOCK_BYTES", int(rng.integers(100, 30_000))):
            parts = fit(image.path, method="mnf", components=4)
    assert parts.transform.pixels == whole.transform.pixels == len(image.spectra)
    np.testing.assert_allclose(parts.transform.values, whole.transform.values, rtol=1e-6)
    np.testing.assert_allclose(parts.transform.matrix, whole.transform.matrix, rtol=1e-4, atol=1e-9)


def test_loadings_are_correlations_and_the_largest_is_positive(image):
    for method in ("pca", "mnf"):
        found = fit(image.path, method=method, components=8)
        components = (image.spectra - found.transform.mean) @ found.transform.matrix
        expected = np.corrcoef(image.spectra.T, components.T)[:12, 12:]
        np.testing.assert_allclose(found.loadings, expected, rtol=5e-4, atol=1e-5)
        largest = np.abs(found.loadings).argmax(axis=0)
        assert (found.loadings[largest, range(8)] > 0).all()


def test_components_by_the_share_of_variance(image):
    from sklearn.decomposition import PCA

    for share in (0.5, 0.9, 0.99, 1.0):
        dense = PCA(n_components=12, svd_solver="full").fit(image.spectra)
        expected = int((np.cumsum(dense.explained_variance_ratio_) < share - 1e-12).sum()) + 1
        assert fit(image.path, explained=share).transform.outputs == min(expected, 12)


def test_mnf_keeps_components_with_more_signal_than_noise(image):
    values, _ = dense_mnf(image)
    found = fit(image.path, method="mnf")
    assert found.transform.outputs == int((values > 2).sum()) > 1
    ratios = np.maximum(values - 1, 0)
    expected = int((np.cumsum(ratios / ratios.sum()) < 0.9).sum()) + 1
    assert fit(image.path, method="mnf", explained=0.9).transform.outputs == expected


def test_the_noise_is_that_of_the_sensor(tmp_path):
    """Where the signal does not change, half the covariance of differences is the noise's."""
    rng = np.random.default_rng(3)
    mixing = np.array([[1.0, 0, 0], [2.0, 5.0, 0], [0, 3.0, 20.0]])
    values = 1000 + np.tensordot(mixing, rng.standard_normal((3, 300, 200)), axes=1)
    image = write_image(tmp_path / "image.tif", values.astype(np.float32))
    with RasterSource(image.path) as source:
        stream, noise = streaming.PixelStream(source, source.bands, 0), Noise(3)
        for tile in stream.tiles(SilentProgress(), ""):
            noise.add(tile, SilentProgress())
    np.testing.assert_allclose(noise.covariance(), mixing @ mixing.T, rtol=0.05, atol=0.5)


def test_a_large_image_is_sampled_and_says_so(tmp_path, monkeypatch):
    image = write_image(
        tmp_path / "image.tif", np.rint(spectra_image(6, 200, 220)).astype(np.int16)
    )
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 60_000)
    some = fit(image.path, sample=5_000, components=3)
    every = fit(image.path, sample=0, components=3)
    assert every.whole
    assert every.transform.pixels == 44_000
    assert not some.whole
    assert 5_000 <= some.transform.pixels < 8_000
    assert "SAMPLE" in some.notes[0]
    assert "blocks spread over the image" in some.notes[0]
    np.testing.assert_allclose(some.transform.explained, every.transform.explained, atol=0.03)
    again = fit(image.path, sample=5_000, components=3)
    assert np.array_equal(again.transform.matrix, some.transform.matrix)


@pytest.mark.parametrize("value", [777.0, 0.1])  # which double precision has, or has not
def test_bands_without_variance_are_in_no_component(tmp_path, monkeypatch, value):
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr(fitting, "BATCH_PIXELS", 100)
    raw = spectra_image(6).astype(np.float32)
    raw[2] = value
    image = write_image(tmp_path / "image.tif", raw)
    for method in ("pca", "mnf"):
        found = fit(image.path, method=method, components=5)
        np.testing.assert_allclose(found.transform.matrix[2], 0, atol=1e-12)
        assert any("band 3" in note and "same value" in note for note in found.notes)
        assert not found.warnings
        assert np.isfinite(found.transform.matrix).all()
    asked = fit(image.path, method="mnf", components=6)
    assert asked.transform.outputs == 5
    assert "5 independent components" in asked.warnings[0]


def test_copied_bands_are_told(tmp_path):
    raw = spectra_image(6).astype(np.float32)
    raw[5] = raw[1]
    image = write_image(tmp_path / "image.tif", raw)
    found = fit(image.path, method="mnf", components=6)
    assert found.transform.outputs == 5
    assert any("no noise between neighbouring pixels" in text for text in found.warnings)
    # The copy changes nothing but how the weight is shared.
    without = write_image(tmp_path / "without.tif", raw[:5])
    np.testing.assert_allclose(
        found.transform.values, fit(without.path, method="mnf", components=5).transform.values,
        rtol=1e-5,
    )  # fmt: skip
    whitened = fit(image.path, method="pca", whiten=True, components=6)
    assert whitened.transform.outputs == 5
    assert np.abs(whitened.transform.matrix).max() < 1e6


def test_a_handful_of_pixels(tmp_path):
    raw = np.rint(spectra_image(8, 2, 3)).astype(np.int16)
    found = fit(write_image(tmp_path / "image.tif", raw).path, components=8)
    assert found.transform.outputs == 5  # six pixels span no more
    assert any("Only 6 pixels" in text for text in found.warnings)


def test_progress_goes_on_and_cancel_works(image, monkeypatch):
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 20_000)
    listener = Listener()
    fit(image.path, listener, method="mnf", components=3)
    assert listener.fractions == sorted(listener.fractions)
    assert listener.fractions[-1] == pytest.approx(1.0)
    for after in (0, 3, 40):
        with pytest.raises(Cancelled):
            fit(image.path, Listener(after), method="mnf", components=3)


class TestRefused:
    def test_one_band(self, tmp_path):
        image = write_image(tmp_path / "image.tif", spectra_image(1).astype(np.float32))
        with pytest.raises(InputError, match=r"two bands or more.*1 that can"):
            fit(image.path)

    def test_more_components_than_bands(self, image):
        with pytest.raises(InputError, match=r"COMPONENTS is 13.*12 bands"):
            fit(image.path, components=13)

    def test_no_valid_pixel(self, tmp_path):
        image = write_image(tmp_path / "image.tif", np.full((3, 8, 9), NODATA, np.int16))
        with pytest.raises(RasterError, match=r"has none.*nodata value"):
            fit(image.path)

    def test_no_pixel_with_all_bands(self, tmp_path):
        raw = np.rint(spectra_image(3, 8, 8)).astype(np.int16)
        raw[0, :4] = raw[2, 4:] = NODATA
        image = write_image(tmp_path / "image.tif", raw)
        with pytest.raises(RasterError, match=r"each of the 3 bands.*bands 1, 3"):
            fit(image.path)

    @pytest.mark.parametrize("value", [5.0, 0.1])
    def test_all_pixels_alike(self, tmp_path, monkeypatch, value):
        monkeypatch.setattr(streaming, "BLOCK_BYTES", 2_000)
        monkeypatch.setattr(fitting, "BATCH_PIXELS", 10)
        image = write_image(tmp_path / "image.tif", np.full((3, 40, 41), value, np.float32))
        with pytest.raises(RasterError, match="same values"):
            fit(image.path)
        with pytest.raises(RasterError, match="no pixel differs"):
            fit(image.path, method="mnf")

    def test_lone_pixels_have_no_noise(self, tmp_path):
        raw = np.rint(spectra_image(3, 8, 8)).astype(np.int16)
        keep = np.zeros((8, 8), bool)
        keep[::2, ::2] = True
        raw[:, ~keep] = NODATA
        image = write_image(tmp_path / "image.tif", raw)
        with pytest.raises(RasterError, match="no two neighbouring pixels"):
            fit(image.path, method="mnf")

    def test_nothing_but_noise(self, tmp_path):
        values = np.random.default_rng(0).standard_normal((4, 80, 80)).astype(np.float32)
        image = write_image(tmp_path / "image.tif", values)
        with pytest.raises(InputError, match=r"more signal than noise.*COMPONENTS"):
            fit(image.path, method="mnf")
        assert fit(image.path, method="mnf", components=2).transform.outputs == 2


def test_potsdam_equals_the_dense_computation(test_data):
    """EnMAP, 218 bands: both methods on all pixels at once."""
    from sklearn.decomposition import PCA

    path = str(test_data / "enmap_potsdam" / "enmap_potsdam_cube.tif")
    with RasterSource(path) as source:
        bands = [band for band in source.bands if not band.bad]
        values = []
        dataset = gdal.Open(path)
        for band in bands:
            raw = np.frombuffer(dataset.GetRasterBand(band.index).ReadRaster(), np.float32)
            plane = raw.reshape(source.grid.height, source.grid.width).astype(np.float64)
            values.append(np.where(plane == band.nodata, np.nan, plane * band.scale))
        cube = np.array(values)
        spectra = cube[:, np.isfinite(cube).all(axis=0)].T
        settings = ReduceSettings(components=20)
        pca = fit_components(source, bands, settings, SilentProgress()).transform
        settings = ReduceSettings(method="mnf", components=20)
        mnf = fit_components(source, bands, settings, SilentProgress()).transform
    dense = PCA(n_components=20, svd_solver="full").fit(spectra)
    np.testing.assert_allclose(pca.values, dense.explained_variance_, rtol=1e-5)
    same_up_to_sign(pca.apply(spectra.astype(np.float32)), dense.transform(spectra))

    from scipy.linalg import eigh

    eigenvalues, vectors = eigh(np.cov(spectra.T), np.cov(neighbours(cube).T) / 2)
    np.testing.assert_allclose(mnf.values, eigenvalues[::-1][:20], rtol=1e-4)
    expected = (spectra - spectra.mean(axis=0)) @ vectors[:, ::-1][:, :20]
    same_up_to_sign(mnf.apply(spectra.astype(np.float32)), expected)
