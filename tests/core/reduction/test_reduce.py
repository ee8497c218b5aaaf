"""The job: rasters, transforms, pages, and what is there after it fails."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hsicnn.core.errors import Cancelled, DependencyError, InputError, RasterError
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.reduction import streaming, writing
from hsicnn.core.reduction.carried import ITEM, carried_transform, find_transform
from hsicnn.core.reduction.reduce import reduce_bands
from osgeo import gdal
from spectral_images import NODATA, Listener, holed, read_all, spectra_image, write_image

pytest.importorskip("sklearn")


def reduce(image, folder, progress=None, **given):
    return reduce_bands(
        image=getattr(image, "path", str(image)),
        output=str(folder / "out.tif"),
        progress=progress,
        **given,
    )


@pytest.mark.parametrize("parts", ["at once", "in parts"])
@pytest.mark.parametrize("method", ["pca", "mnf"])
def test_components_are_written(image, tmp_path, monkeypatch, method, parts):
    if parts == "in parts":
        monkeypatch.setattr(streaming, "BLOCK_BYTES", 20_000)
        monkeypatch.setattr(writing, "READ_BYTES", 30_000)
        monkeypatch.setattr(writing, "TILE", 16)
        monkeypatch.setattr(writing, "PART_BYTES", 16 * 16 * 4 * 5 * 2)
    done = reduce(image, tmp_path, method=method, components=5, transform=str(tmp_path / "t.json"))
    values, dataset = read_all(done.output)
    found = find_transform(done.transform)
    assert values.dtype == np.float32
    assert values.shape == (5, 60, 70)
    valid = np.isfinite(image.values).any(axis=0)
    assert np.array_equal(np.isfinite(values).all(axis=0), valid)
    assert np.array_equal(np.isnan(values).all(axis=0), ~valid)
    assert done.pixels == int(valid.sum())
    # A band that misses in a valid pixel is its mean.
    filled = np.where(np.isnan(image.values), found.mean[:, None, None], image.values)
    expected = np.tensordot(found.matrix.T, filled - found.mean[:, None, None], axes=1)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(values[:, valid], expected[:, valid], atol=1e-6 * scale)
    assert np.isnan(dataset.GetRasterBand(1).GetNoDataValue())
    assert dataset.GetProjection()
    assert dataset.GetGeoTransform() == (500_000.0, 30.0, 0.0, 5_800_000.0, 0.0, -30.0)
    title = "PC" if method == "pca" else "MNF"
    assert re.fullmatch(rf"{title} 1 \(.*\)", dataset.GetRasterBand(1).GetDescription())
    with RasterSource(done.output) as source:
        carried = carried_transform(source)
    assert np.array_equal(carried.matrix, found.matrix)
    assert carried.source_name == "image.tif"
    assert (done.bands_used, done.output_bands, done.method) == (12, 5, method)


@pytest.mark.parametrize("method", ["pca", "mnf"])
def test_pixels_that_miss_bands_are_counted(tmp_path, method):
    raw = np.rint(spectra_image()).astype(np.int16)
    raw[3, 30, 40] = NODATA
    raw[:2, 31, 20:25] = NODATA
    raw[:, 0, :10] = NODATA
    few = write_image(tmp_path / "few.tif", raw)
    listener, page = Listener(), tmp_path / "page.html"
    done = reduce(few, tmp_path, listener, method=method, components=3, report=str(page))
    words = "6 of 4,190 pixels with values (0.1 %) miss some of the bands, up to 2 of 12"
    assert [note for note in done.notes if words in note]
    assert [text for text in listener.logs if words in text]
    assert not [text for text in (*done.warnings, *listener.warnings) if "miss some" in text]
    assert words in page.read_text(encoding="utf-8")
    raw[:6, 40:50] = NODATA
    many = write_image(tmp_path / "many.tif", raw)
    transform = str(tmp_path / "t.json")
    listener = Listener()
    done = reduce(many, tmp_path, listener, method=method, components=3, transform=transform)
    words = "706 of 4,190 pixels with values (16.8 %) miss some of the bands, up to 6 of 12"
    assert [text for text in done.warnings if words in text]
    assert [text for text in listener.warnings if words in text]
    again = reduce(many, tmp_path, apply=transform)
    assert [text for text in again.warnings if words in text]
    copied = reduce(many, tmp_path, method="selection")
    assert not [text for text in (*copied.notes, *copied.warnings) if "miss some" in text]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_a_selection_keeps_everything(tmp_path, dtype):
    raw = np.rint(np.clip(spectra_image() / 40, 1, 250)).astype(dtype)
    raw[:, :4, :5] = 0
    raw[6, 10, 10] = 0
    names = [f"channel {n}" for n in range(12)]
    image = write_image(
        tmp_path / "image.tif", raw, scale=0.0015, offset=-0.25, nodata=0, fwhm=7.7, names=names
    )
    done = reduce(image, tmp_path, method="selection", bands="3-5, 7, 12")
    picked = [2, 3, 4, 6, 11]
    values, _ = read_all(done.output)
    assert values.dtype == raw.dtype
    assert np.array_equal(values, raw[picked])
    with RasterSource(image.path) as before, RasterSource(done.output) as after:
        kept = [before.bands[position] for position in picked]
        for number, (one, other) in enumerate(zip(kept, after.bands), start=1):
            assert other.index == number
            for name in ("name", "wavelength", "fwhm", "bad", "scale", "offset", "nodata"):
                assert getattr(other, name) == getattr(one, name), name
        assert carried_transform(after).is_selection
    assert done.pixels == 60 * 70 - 20


def test_a_bad_band_stays_bad(tmp_path):
    raw = spectra_image(4, 8, 8).astype(np.float32)
    image = write_image(tmp_path / "image.tif", raw, bad=(1,))
    done = reduce(image, tmp_path, method="selection", drop_bad=False)
    with RasterSource(done.output) as source:
        assert [band.bad for band in source.bands] == [False, True, False, False]


def test_odd_wavelengths_and_units_are_kept(tmp_path):
    raw = spectra_image(3, 8, 8).astype(np.float32)
    image = write_image(tmp_path / "image.tif", raw, fwhm=0.0065)
    dataset = gdal.Open(image.path, gdal.GA_Update)
    for number, micrometres in enumerate((0.4123, 0.70001, 1.0 / 3.0 + 1), start=1):
        items = {
            "wavelength": repr(micrometres),
            "wavelength_units": "Micrometers",
            "fwhm": "0.0065",
        }
        dataset.GetRasterBand(number).SetMetadata(items)
    dataset = None
    done = reduce(image, tmp_path, method="selection")
    with RasterSource(image.path) as before, RasterSource(done.output) as after:
        for one, other in zip(before.bands, after.bands):
            assert other.wavelength == one.wavelength
            assert other.fwhm == pytest.approx(one.fwhm, rel=1e-12)


@pytest.mark.parametrize(
    ("dtype", "kept", "mark"),
    [
        ("uint8", "int16", -32768),
        ("int16", "int32", -(2**31)),
        ("int32", "float64", np.nan),
        ("float32", "float32", np.nan),
    ],
)
def test_a_mask_becomes_nodata(tmp_path, dtype, kept, mark):
    raw = np.rint(np.clip(spectra_image(4) / 40, 0, 255)).astype(dtype)
    mask = np.ones((60, 70), bool)
    mask[5:20, 30:44] = False
    image = write_image(tmp_path / "image.tif", raw, nodata=None, mask=mask)
    listener = Listener()
    done = reduce(image, tmp_path, listener, method="selection", bands="1-3")
    values, dataset = read_all(done.output)
    assert values.dtype.name == kept
    assert np.array_equal(values[:, mask], raw[:3, mask])
    with RasterSource(done.output) as source:
        from hsicnn.core.raster.windows import Window

        assert np.array_equal(source.read(Window(0, 0, 60, 70), [0, 1, 2]).valid, mask)
    assert np.isnan(dataset.GetRasterBand(1).GetNoDataValue()) or (
        dataset.GetRasterBand(1).GetNoDataValue() == mark
    )
    assert done.notes
    assert done.pixels == int(mask.sum())


def test_a_mask_beside_a_nodata_value(tmp_path):
    raw = holed(np.rint(spectra_image(4)).astype(np.int16))
    mask = np.ones((60, 70), bool)
    mask[40:, 50:] = False
    image = write_image(tmp_path / "image.tif", raw, mask=mask)
    values, dataset = read_all(reduce(image, tmp_path, method="selection").output)
    assert values.dtype == np.int16
    assert dataset.GetRasterBand(1).GetNoDataValue() == NODATA
    assert np.array_equal(values, np.where(mask, raw, NODATA))


@pytest.mark.parametrize(("dtype", "kept"), [("uint8", "int16"), ("uint16", "int32")])
def test_a_mask_beside_a_nodata_value_that_the_type_cannot_hold(tmp_path, dtype, kept):
    raw = np.rint(np.clip(spectra_image(5) / 40, 0, 255)).astype(dtype)
    mask = np.ones((60, 70), bool)
    mask[40:, 50:] = False
    image = write_image(tmp_path / "image.tif", raw, mask=mask)
    with RasterSource(image.path) as source:
        assert source.has_mask
        assert source.bands[0].nodata == NODATA
    done = reduce(image, tmp_path, method="selection")
    values, dataset = read_all(done.output)
    mark = dataset.GetRasterBand(1).GetNoDataValue()
    assert values.dtype == kept
    assert np.array_equal(values, np.where(mask, raw, mark))
    assert done.pixels == int(mask.sum())
    assert any(f"the nodata value {mark:g}: {kept}" in note for note in done.notes)


def test_nodata_values_that_differ(tmp_path):
    raw = np.rint(spectra_image(3, 20, 20)).astype(np.int16)
    raw[0, 0, 0], raw[1, 1, 1], raw[2, 2, 2] = -1, -2, 7
    for number in range(3):
        write_image(
            tmp_path / f"{number}.tif", raw[number : number + 1], nodata=(-1, -2, None)[number]
        )
    vrt = str(tmp_path / "all.vrt")
    parts = [str(tmp_path / f"{number}.tif") for number in range(3)]
    gdal.BuildVRT(vrt, parts, separate=True)
    dataset = gdal.Open(vrt, gdal.GA_Update)
    for number in range(3):
        dataset.GetRasterBand(number + 1).SetDescription(f"n{number}")
    dataset = None
    with RasterSource(vrt) as source:
        marks = [band.nodata for band in source.bands]
    assert len(set(marks)) > 1
    values, _ = read_all(reduce(vrt, tmp_path, method="selection").output)
    expected = raw.astype(np.int32)
    expected[0, 0, 0] = expected[1, 1, 1] = -(2**31)
    assert values.dtype == np.int32
    assert np.array_equal(values, expected)


def test_the_transform_is_applied_to_another_image(image, tmp_path):
    """Bands are found by wavelength: the other image has more of them, and float values."""
    first = reduce(image, tmp_path, components=4, transform=str(tmp_path / "t.json"))
    found = find_transform(first.transform)
    other = np.insert(image.values, [0, 6], 0.5, axis=0).astype(np.float32)
    second = write_image(tmp_path / "second.tif", np.nan_to_num(other, nan=NODATA))
    dataset = gdal.Open(second.path, gdal.GA_Update)
    lengths = [450 + 40.125 * n for n in range(12)]
    for number, nm in enumerate([410.0, *lengths[:6], 671.0, *lengths[6:]], start=1):
        dataset.GetRasterBand(number).SetMetadataItem("wavelength", repr(nm))
    dataset = None
    expected, _ = read_all(first.output)
    for source in (first.transform, first.output):
        done = reduce_bands(image=second.path, output=str(tmp_path / "b.tif"), apply=source)
        values, _ = read_all(done.output)
        np.testing.assert_allclose(values, expected, atol=2e-6, equal_nan=True)
        assert done.method == "pca"
        assert done.output_bands == 4
        with RasterSource(done.output) as opened:
            assert np.array_equal(carried_transform(opened).matrix, found.matrix)


def test_a_copy_of_the_raster_carries_the_transform(image, tmp_path):
    import shutil

    done = reduce(image, tmp_path, components=4)
    shutil.copy(done.output, tmp_path / "elsewhere.tif")
    assert find_transform(str(tmp_path / "elsewhere.tif")).outputs == 4


def test_a_transform_of_a_megabyte_is_carried(tmp_path):
    raw = (spectra_image(220, 30, 30) / 7).astype(np.float32)
    image = write_image(tmp_path / "image.tif", raw, wavelengths=False)
    done = reduce(image, tmp_path, components=220, transform=str(tmp_path / "t.json"))
    with RasterSource(done.output) as source:
        text = source.noted(ITEM)
    assert len(text) > 900_000
    assert json.loads(text) == json.loads((tmp_path / "t.json").read_text())


def test_reducing_twice_keeps_the_way_from_the_original(image, tmp_path):
    first = reduce_bands(image=image.path, output=str(tmp_path / "a.tif"), components=6)
    second = reduce_bands(
        image=first.output, output=str(tmp_path / "b.tif"), method="mnf", components=3
    )
    assert any("made by 'Reduce bands' itself" in note for note in second.notes)
    again = reduce_bands(image=image.path, output=str(tmp_path / "c.tif"), apply=second.output)
    one, other = read_all(second.output)[0], read_all(again.output)[0]
    whole = image.complete
    np.testing.assert_allclose(other[:, whole], one[:, whole], atol=1e-4 * np.nanmax(np.abs(one)))


def test_the_page(image, tmp_path):
    page = tmp_path / "page.html"
    for method in ("pca", "mnf"):
        reduce(image, tmp_path, method=method, components=3, report=str(page), drop_bad=True)
        text = page.read_text(encoding="utf-8")
        assert text.count("<img") == 2
        assert "image.tif" in text
        assert ("Signal to noise" in text) == (method == "mnf")
        assert "Fitted on" in text
    reduce(image, tmp_path, method="selection", bands="1-3", report=str(page))
    text = page.read_text(encoding="utf-8")
    assert "<img" not in text
    assert "Left out as not asked for: bands 4-12" in text
    transform = tmp_path / "t.json"
    reduce(image, tmp_path, components=2, transform=str(transform))
    reduce(image, tmp_path, apply=str(transform), report=str(page))
    assert "Applied: principal components" in page.read_text(encoding="utf-8")


def test_a_page_without_pictures_says_why(image, tmp_path, monkeypatch):
    def fail(*_args, **_more):
        raise DependencyError("Pictures need matplotlib.")

    monkeypatch.setattr("hsicnn.core.reduction.page.components_picture", fail)
    page = tmp_path / "page.html"
    reduce(image, tmp_path, components=3, report=str(page))
    assert "Pictures need matplotlib." in page.read_text(encoding="utf-8")


def test_progress_and_log(image, tmp_path):
    listener = Listener()
    reduce(image, tmp_path, listener, method="mnf", components=3)
    assert listener.fractions == sorted(listener.fractions)
    assert listener.fractions[-1] == 1.0
    said = " ".join(listener.logs)
    assert "Disk:" in said
    assert "MNF 1 (SNR" in said


class TestNothingIsLost:
    @pytest.fixture
    def outputs(self, tmp_path):
        paths = {
            "output": tmp_path / "out.tif",
            "transform": tmp_path / "t.json",
            "report": tmp_path / "page.html",
        }
        for path in paths.values():
            path.write_text("before")
        yield {name: str(path) for name, path in paths.items()}
        for path in paths.values():
            assert path.read_text() == "before"
        assert not list(tmp_path.glob(".*partial*"))

    @pytest.mark.parametrize("asked", [0, 1, 5, 30, 60])
    def test_cancelled(self, image, outputs, monkeypatch, asked):
        monkeypatch.setattr(streaming, "BLOCK_BYTES", 20_000)
        with pytest.raises(Cancelled):
            reduce_bands(image=image.path, **outputs, progress=Listener(asked), method="mnf")

    def test_no_values_in_the_image_applied_to(self, image, outputs, tmp_path):
        made = reduce_bands(image=image.path, output=str(tmp_path / "a.tif"), components=2)
        empty = write_image(tmp_path / "empty.tif", np.full((12, 8, 8), NODATA, np.int16))
        with pytest.raises(RasterError, match="no pixel with a value"):
            reduce_bands(image=empty.path, apply=made.output, **outputs)

    def test_the_report_cannot_be_made(self, image, outputs, monkeypatch):
        def fail(*_args, **_more):
            raise InputError("no page")

        monkeypatch.setattr("hsicnn.core.reduction.reduce.reduction_page", fail)
        with pytest.raises(InputError, match="no page"):
            reduce_bands(image=image.path, **outputs, components=2)


class TestRefused:
    def test_outputs_that_are_one_file(self, image, tmp_path):
        with pytest.raises(InputError, match="files of their own"):
            reduce(image, tmp_path, transform=str(tmp_path / "x"), report=str(tmp_path / "x"))

    def test_the_image_as_output(self, image):
        with pytest.raises(RasterError, match="both input and output"):
            reduce_bands(image=image.path, output=image.path)

    def test_the_transform_over_what_is_read(self, image, tmp_path):
        path = str(tmp_path / "t.json")
        reduce(image, tmp_path, components=2, transform=path)
        with pytest.raises(InputError, match="a file that is read"):
            reduce(image, tmp_path, apply=path, transform=path)

    def test_a_disk_that_is_too_small(self, image, tmp_path, monkeypatch):
        from hsicnn.core.runtime import disk_space, resources

        small = resources.Disk(1, tmp_path, 10)
        monkeypatch.setattr(disk_space, "disk_of", lambda _path: small)
        with pytest.raises(InputError, match=r"disk is too small.*fewer COMPONENTS"):
            reduce(image, tmp_path, components=2)
        with pytest.raises(InputError, match=r"disk is too small.*fewer bands"):
            reduce(image, tmp_path, method="selection")

    def test_a_transform_of_another_sensor(self, image, tmp_path):
        path = str(tmp_path / "t.json")
        reduce(image, tmp_path, components=2, transform=path)
        other = write_image(tmp_path / "other.tif", spectra_image(5).astype(np.float32))
        with pytest.raises(RasterError, match=r"other.tif has 5 bands.*needed are 12 bands"):
            reduce(other, tmp_path, apply=path)

    def test_another_scale(self, image, tmp_path):
        path = str(tmp_path / "t.json")
        reduce(image, tmp_path, components=2, transform=path)
        other = write_image(tmp_path / "other.tif", image.raw)  # its scale was lost
        with pytest.raises(RasterError, match=r"scale of the image the transform was made from"):
            reduce(other, tmp_path, apply=path)

    def test_the_reduced_image_instead_of_the_original(self, image, tmp_path):
        made = reduce_bands(image=image.path, output=str(tmp_path / "a.tif"), components=2)
        with pytest.raises(RasterError, match=r"a.tif was reduced already.*image.tif"):
            reduce(made.output, tmp_path, apply=made.output)

    def test_what_holds_no_transform(self, image, tmp_path):
        with pytest.raises(InputError, match=r"image.tif carries no band transform"):
            reduce(image, tmp_path, apply=image.path)
        text = tmp_path / "x.json"
        text.write_text("{}")
        with pytest.raises(InputError, match=r"x.json holds no band transform"):
            reduce(image, tmp_path, apply=str(text))
        text.write_text('{"format"')
        with pytest.raises(InputError, match=r"x.json is damaged"):
            reduce(image, tmp_path, apply=str(text))
        text.write_text("hello")
        with pytest.raises(InputError, match="cannot be read as a band transform"):
            reduce(image, tmp_path, apply=str(text))
        with pytest.raises(InputError, match="cannot be read as a band transform"):
            reduce(image, tmp_path, apply=str(tmp_path / "nothing.json"))

    def test_bands_that_were_taken_from_a_reduced_raster(self, image, tmp_path):
        made = reduce_bands(image=image.path, output=str(tmp_path / "a.tif"), components=3)
        dataset = gdal.Open(made.output)
        part = gdal.Translate(str(tmp_path / "b.tif"), dataset, bandList=[2, 3])
        part.SetMetadata(dataset.GetMetadata("HSICNN"), "HSICNN")
        part = None
        with pytest.raises(InputError, match=r"b.tif has 2 bands.*makes 3.*changed"):
            reduce(tmp_path / "b.tif", tmp_path)

    def test_wide_integers(self, tmp_path):
        from hsicnn.core.reduction.writing import form_of

        image = write_image(tmp_path / "image.tif", spectra_image(3, 8, 8).astype(np.float32))
        with RasterSource(image.path) as source:
            source.dtype = np.dtype("int64")
            with pytest.raises(RasterError, match=r"int64 values.*Translate"):
                form_of(source, source.bands)
            source.dtype = np.dtype("int8")
            assert form_of(source, source.bands).dtype == "int16"


def test_potsdam_comes_back_as_a_selection(test_data, tmp_path):
    path = str(test_data / "enmap_potsdam" / "enmap_potsdam_cube.tif")
    done = reduce_bands(image=path, output=str(tmp_path / "out.tif"), method="selection")
    with RasterSource(path) as before, RasterSource(done.output) as after:
        numbers = [band.index for band in before.bands]
        assert set(range(130, 136)) <= set(numbers)
        names = {band.name: band for band in before.bands}
        assert len(after.bands) == 212
        for band in after.bands:
            one = names[band.name]
            assert (band.wavelength, band.scale, band.nodata) == (
                one.wavelength,
                one.scale,
                one.nodata,
            )
            assert band.fwhm == pytest.approx(one.fwhm, rel=1e-12)
        assert not any(130 <= names[band.name].index <= 135 for band in after.bands)
        lengths = [band.wavelength for band in after.bands]
        assert lengths == sorted(lengths)
    assert done.pixels == 18_432
