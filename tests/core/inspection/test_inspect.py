"""A raster is inspected: figures, spectra, findings, estimates, page."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hsicnn.core.errors import Cancelled, InputError, LabelError, RasterError
from hsicnn.core.inspection.class_spectra import MOST_PIXELS, class_spectra
from hsicnn.core.inspection.estimates import estimates
from hsicnn.core.inspection.findings import findings
from hsicnn.core.inspection.inspect import inspect_raster
from hsicnn.core.inspection.survey import survey
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hypothesis import given
from hypothesis import strategies as st
from osgeo import gdal

NODATA = -9999


class Listener(SilentProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.fractions: list[float] = []
        self.warnings: list[str] = []

    def report(self, fraction, text=""):
        self.fractions.append(fraction)

    def warn(self, text):
        self.warnings.append(text)


def write(path, values, *, scale=None, wavelengths=True, nodata=NODATA, place=True, bad=()):
    """Write ``(bands, rows, cols)`` values."""
    bands, rows, cols = values.shape
    kind = {"int16": gdal.GDT_Int16, "float32": gdal.GDT_Float32}[values.dtype.name]
    options = ["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"]
    made = gdal.GetDriverByName("GTiff").Create(str(path), cols, rows, bands, kind, options=options)
    if place:
        made.SetGeoTransform((500_000.0, 30.0, 0.0, 5_800_000.0, 0.0, -30.0))
        from osgeo import osr

        crs = osr.SpatialReference()
        crs.ImportFromEPSG(32633)
        made.SetProjection(crs.ExportToWkt())
    for number in range(bands):
        band = made.GetRasterBand(number + 1)
        if nodata is not None:
            band.SetNoDataValue(nodata)
        if scale is not None:
            band.SetScale(scale)
        if wavelengths:
            band.SetMetadataItem("wavelength", str(450 + 20 * number))
            band.SetMetadataItem("wavelength_units", "nm")
        if number in bad:
            band.SetMetadataItem("bbl", "0")
        band.WriteRaster(0, 0, cols, rows, np.ascontiguousarray(values[number]).tobytes())
    made.FlushCache()
    return str(path)


def scene(bands=12, rows=40, cols=50, seed=0):
    """Reflectance times 10,000: a corner without values, and one value missing."""
    rng = np.random.default_rng(seed)
    values = rng.integers(500, 4000, (bands, rows, cols)).astype(np.int16)
    values[:, :10, :15] = NODATA
    values[3, 20, 20] = NODATA
    return values


@pytest.fixture
def image(tmp_path):
    return write(tmp_path / "image.tif", scene(), scale=1e-4)


def look(path, **more):
    with RasterSource(path) as source:
        given = {"spectra": 50, "seed": 1, "progress": SilentProgress(), **more}
        return survey(source, **given)


def test_statistics_are_those_of_numpy(image):
    values = scene().astype(np.float64)
    values[values == NODATA] = np.nan
    values *= 1e-4
    found = look(image)
    assert (found.seen, found.pixels, found.valid) == (2000, 2000, 1850)
    np.testing.assert_allclose(found.least, np.nanmin(values, axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.most, np.nanmax(values, axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.mean, np.nanmean(values, axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.deviation, np.nanstd(values, axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.missing, np.isnan(values).mean(axis=(1, 2)))


@given(st.integers(0, 1000), st.floats(-1e4, 1e4), st.floats(1e-3, 1e3))
def test_moments_of_parts_are_the_moments_of_all(seed, middle, width):
    from hsicnn.core.inspection.survey import _Tally

    rng = np.random.default_rng(seed)
    values = (middle + width * rng.standard_normal((2, 300))).astype(np.float32)
    tally = _Tally(2)
    for part in np.split(values, sorted(rng.integers(0, 301, 4)), axis=1):
        tally.add(part, part.shape[1])
    found = tally.survey(300, values.T)
    exact = values.astype(np.float64)
    np.testing.assert_allclose(found.mean, exact.mean(axis=1), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.deviation, exact.std(axis=1), rtol=1e-7)


def test_spectra_are_of_valid_pixels_and_drawn_by_the_seed(image):
    found = look(image)
    values = scene().reshape(12, -1).T
    known = {tuple(row) for row in values[(values != NODATA).any(axis=1)].tolist()}
    drawn = np.where(np.isnan(found.spectra), NODATA, np.rint(found.spectra * 1e4)).astype(int)
    assert len(drawn) == 50
    assert len(np.unique(drawn, axis=0)) == 50
    assert {tuple(row) for row in drawn.tolist()} <= known
    np.testing.assert_array_equal(look(image).spectra, found.spectra)
    assert not np.array_equal(look(image, seed=2).spectra, found.spectra)
    assert len(look(image, spectra=10_000).spectra) == 1850


def test_every_pixel_has_the_same_chance(tmp_path):
    """One band that numbers the pixels: the numbers drawn are spread evenly."""
    values = np.arange(1, 2501, dtype=np.int16).reshape(1, 50, 50)
    path = write(tmp_path / "image.tif", values)
    drawn = np.concatenate([look(path, spectra=500, seed=n).spectra[:, 0] for n in range(40)])
    counts = np.histogram(drawn, bins=10, range=(0.5, 2500.5))[0]
    expected = len(drawn) / 10
    assert ((counts - expected) ** 2 / expected).sum() < 27.9  # chi square, 9 degrees, p = .001


def test_a_large_raster_is_sampled(tmp_path):
    path = write(tmp_path / "image.tif", scene(rows=200, cols=200), scale=1e-4)
    progress = Listener()
    found = look(path, most_bytes=12 * 2 * 5000, progress=progress)
    assert found.seen >= 5000
    assert found.pixels == 40_000
    assert progress.fractions[-1] == 1.0


def test_class_spectra_are_means_of_labelled_pixels(tmp_path, image):
    from hsicnn.core.data.labels import read_labels

    labels = np.zeros((1, 40, 50), np.int16)
    labels[0, 12:30, 20:45] = 1
    labels[0, 35, 3] = 2
    labels[0, 0:3, 0:3] = 3  # where the image has no values
    reference = write(tmp_path / "reference.tif", labels, nodata=0, wavelengths=False)
    with RasterSource(image) as source:
        read = read_labels(reference, source.grid, progress=SilentProgress())
        found = class_spectra(source, range(12), read, seed=1, progress=SilentProgress())
    assert [(item.labelled, item.seen) for item in found] == [(450, MOST_PIXELS), (1, 1), (9, 0)]
    np.testing.assert_allclose(found[1].mean, scene()[:, 35, 3] * 1e-4, rtol=1e-6)
    np.testing.assert_allclose(found[1].deviation, 0, atol=1e-12)
    whole = scene()[:, 12:30, 20:45].reshape(12, -1).astype(float)
    whole[whole == NODATA] = np.nan
    np.testing.assert_allclose(found[0].mean, np.nanmean(whole, axis=1) * 1e-4, atol=0.01)
    assert np.isnan(found[2].mean).all()


def notes_of(tmp_path, values, **how):
    path = write(tmp_path / "image.tif", values, **how)
    with RasterSource(path) as source:
        found = survey(source, spectra=5, seed=0, progress=SilentProgress())
        return " ".join(item.sentence for item in findings(source, source.bands, found))


def test_a_sound_raster_has_no_findings(tmp_path):
    assert not notes_of(tmp_path, scene(), scale=1e-4)


def empty_band(values):
    values[4] = NODATA


def flat_band(values):
    values[5] = 1000


def mostly_nodata(values):
    values[:, 5:] = NODATA


def nothing(values):
    values[:] = NODATA


@pytest.mark.parametrize(
    ("spoil", "how", "words"),
    [
        (None, {}, "no scale is set"),
        (None, {"scale": 1.0 / 10}, "reflectance is 0 to 1"),
        (None, {"scale": 1e-4, "wavelengths": False}, "no wavelengths"),
        (None, {"scale": 1e-4, "place": False}, "no coordinate system"),
        (None, {"scale": 1e-4, "bad": (2,)}, "Marked as bad"),
        (empty_band, {"scale": 1e-4}, "Without any value"),
        (flat_band, {"scale": 1e-4}, "The same value everywhere"),
        (mostly_nodata, {"scale": 1e-4}, "of the pixels have no values"),
        (nothing, {"scale": 1e-4}, "No pixel that was looked at has a value"),
    ],
)
def test_what_should_be_looked_at_is_said(tmp_path, spoil, how, words):
    values = scene()
    if spoil:
        spoil(values)
    assert words in notes_of(tmp_path, values, **how)


def test_every_network_is_estimated_or_says_why_not(image):
    pytest.importorskip("torch")
    with RasterSource(image) as source:
        found = survey(source, spectra=500, seed=0, progress=SilentProgress())
        given = {"classes": 3, "memory_mb": 512, "progress": SilentProgress()}
        costs = estimates(source, range(12), found.spectra, **given)
        few = estimates(source, range(2), found.spectra[:, :2], **given)
        none = estimates(source, range(12), found.spectra[:1], **given)
    assert not isinstance(costs, str)
    assert all(item.remark or (item.memory and item.seconds > 0) for item in costs)
    assert all(item.memory <= 512 << 20 for item in costs if item.memory)
    assert any(not item.remark for item in costs)
    assert any("needs" in item.remark for item in few)
    assert "too few pixels" in none


def test_without_torch_the_page_says_so(image, tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    report = tmp_path / "report.html"
    inspect_raster(image=image, report=str(report))
    assert "PyTorch cannot be loaded here" in report.read_text(encoding="utf-8")


def test_the_page_holds_it_all(image, tmp_path):
    labels = np.zeros((1, 40, 50), np.int16)
    labels[0, 12:30, 20:45] = 1
    labels[0, 35:, 3:9] = 2
    reference = write(tmp_path / "reference.tif", labels, nodata=0, wavelengths=False)
    report, progress = tmp_path / "report.html", Listener()
    result = inspect_raster(image=image, report=str(report), reference=reference, progress=progress)
    assert (result.width, result.height, result.bands, result.classes) == (50, 40, 12, 2)
    assert result.valid_share == pytest.approx(1850 / 2000)
    text = report.read_text(encoding="utf-8")
    assert text.count('src="data:image/png;base64,') == 2
    assert len(re.findall(r"<tr>", text)) > 12 + 2
    assert "x 0.0001 + 0" in text
    assert "1,850 (92.5 %)" in text
    assert progress.fractions == sorted(progress.fractions)
    assert progress.fractions[-1] == 1.0


def test_a_raster_of_nothing_still_gets_its_page(tmp_path):
    values = np.full((3, 20, 20), NODATA, np.int16)
    path = write(tmp_path / "image.tif", values, wavelengths=False, place=False)
    report = tmp_path / "report.html"
    result = inspect_raster(image=path, report=str(report))
    assert result.valid_share == 0
    text = report.read_text(encoding="utf-8")
    assert "No pixel with a value was seen." in text
    assert "too few pixels" in text


def test_wrong_inputs_change_nothing(image, tmp_path):
    report = tmp_path / "report.html"
    report.write_text("what was there before")
    with pytest.raises(RasterError):
        inspect_raster(image=str(tmp_path / "none.tif"), report=str(report))
    unlabelled = np.zeros((1, 40, 50), np.int16)
    elsewhere = write(tmp_path / "reference.tif", unlabelled, nodata=0, wavelengths=False)
    with pytest.raises(LabelError):
        inspect_raster(image=image, report=str(report), reference=elsewhere)
    with pytest.raises(InputError, match="image"):
        inspect_raster(image=image, report=image)
    assert report.read_text() == "what was there before"
    with pytest.raises(InputError):
        inspect_raster(image=image, report=str(tmp_path / "nowhere" / "report.html"))


@pytest.mark.parametrize("looks", [1, 3, 5])
def test_a_cancel_keeps_what_was_there_before(image, tmp_path, looks):
    class Cancelling(SilentProgress):
        left = looks

        def check_cancel(self):
            self.left -= 1
            if self.left <= 0:
                raise Cancelled

    report = tmp_path / "report.html"
    report.write_text("what was there before")
    with pytest.raises(Cancelled):
        inspect_raster(image=image, report=str(report), progress=Cancelling())
    assert report.read_text() == "what was there before"


def test_the_enmap_scene(test_data, tmp_path):
    report = tmp_path / "report.html"
    folder = test_data / "enmap_potsdam"
    result = inspect_raster(
        image=str(folder / "enmap_potsdam_cube.tif"),
        reference=str(folder / "enmap_potsdam_gt.tif"),
        report=str(report),
    )
    assert (result.bands, result.classes) == (224, 6)
    told = " ".join(result.warnings)
    assert "Marked as bad" in told
    assert "Without any value" in told
    assert "do not rise" in told
    assert "scale" not in told
