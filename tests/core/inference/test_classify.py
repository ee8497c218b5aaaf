"""The classification job: from files to files."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import pytest
from hsicnn.core.data.classes import ClassInfo
from hsicnn.core.errors import Cancelled, InputError, RasterError
from hsicnn.core.inference.classify import classify_raster
from hsicnn.core.inference.inputs import Normaliser
from hsicnn.core.inference.patches import classify_patches
from hsicnn.core.modelfile.bundle import load_bundle
from hsicnn.core.modelfile.network import network_of
from hsicnn.core.progress import SilentProgress
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.raster.windows import Window
from hsicnn.models.catalog import DEFAULT_NETWORK
from osgeo import gdal

from .conftest import CLASSES, NODATA, band_count, make_model, read_raster, write_scene

BANDS = band_count(DEFAULT_NETWORK)


class Listener(SilentProgress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def log(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.warnings.append(text)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.safetensors"
    make_model(path, DEFAULT_NETWORK)
    return path


@pytest.fixture
def image(tmp_path):
    return write_scene(tmp_path / "image.tif", BANDS, 33, 27)


def expected_probabilities(image, model, positions=None):
    bundle = load_bundle(str(model))
    with RasterSource(image) as source:
        return classify_patches(
            network_of(bundle),
            source,
            positions or list(range(BANDS)),
            Normaliser(bundle.normalisation),
            area=Window(0, 0, source.grid.height, source.grid.width),
        )


def test_the_map_is_what_patches_say_in_the_users_codes(tmp_path, image, model):
    paths = {name: tmp_path / f"{name}.tif" for name in ("output", "probabilities", "confidence")}
    heard = Listener()
    result = classify_raster(
        image=str(image),
        model=str(model),
        progress=heard,
        **{name: str(path) for name, path in paths.items()},
    )
    expected = expected_probabilities(image, model)
    valid = np.isfinite(expected[0])
    codes = np.array([item.code for item in CLASSES])
    found = read_raster(paths["output"])[0]
    assert found.dtype == np.uint16  # code 300 needs it
    best = codes[np.nan_to_num(expected).argmax(0)]
    np.testing.assert_array_equal(found, np.where(valid, best, 0))
    shares = read_raster(paths["probabilities"])
    np.testing.assert_array_equal(np.isfinite(shares[0]), valid)
    np.testing.assert_allclose(shares[:, valid], expected[:, valid], atol=1e-5)
    np.testing.assert_allclose(shares[:, valid].sum(0), 1.0, atol=1e-5)
    np.testing.assert_array_equal(read_raster(paths["confidence"])[0], shares.max(0))
    assert result.pixels == valid.sum()
    assert sum(row["pixels"] for row in result.classes) == result.pixels
    assert any("Multi-scale" in line for line in heard.lines)


def test_the_map_says_where_it_comes_from(tmp_path, image, model):
    output = tmp_path / "map.tif"
    classify_raster(image=str(image), model=str(model), output=str(output))
    dataset = gdal.Open(str(output))
    told = dataset.GetMetadata("HSICNN")
    bundle = load_bundle(str(model))
    assert told["MODEL_ID"] == bundle.model_id
    assert told["MODEL_NAME"] == "model.safetensors"
    assert told["SPLIT_HASH"] == "abc"
    numbers = np.frombuffer(zlib.decompress(base64.b64decode(told["TRAINING_PIXELS"])), "<i4")
    np.testing.assert_array_equal(numbers.reshape(2, -1), [[4, 5, 9], [0, 7, 2]])
    assert json.loads(told["TRAINING_GRID"])["height"] == 40
    band = dataset.GetRasterBand(1)
    assert band.GetNoDataValue() == 0
    assert band.GetCategoryNames()[300] == "soil"
    assert band.GetColorTable().GetColorEntry(3)[:3] == (0, 0, 255)
    assert dataset.GetGeoTransform() == gdal.Open(str(image)).GetGeoTransform()
    assert 'label="forest"' in output.with_suffix(".qml").read_text()


def test_probabilities_alone_carry_the_class_names(tmp_path, image, model):
    path = tmp_path / "p.tif"
    result = classify_raster(image=str(image), model=str(model), probabilities=str(path))
    assert result.output == ""
    dataset = gdal.Open(str(path))
    names = [dataset.GetRasterBand(n + 1).GetDescription() for n in range(3)]
    assert names == ["water", "forest", "soil"]
    assert np.isnan(dataset.GetRasterBand(1).GetNoDataValue())


def test_a_real_class_0_leaves_another_value_for_nothing(tmp_path, image):
    model, output = tmp_path / "m.safetensors", tmp_path / "map.tif"
    classes = (ClassInfo(0, "rest", "#888888"), ClassInfo(2, "crop", "#00aa00"))
    make_model(model, DEFAULT_NETWORK, classes=classes)
    classify_raster(image=str(image), model=str(model), output=str(output))
    dataset = gdal.Open(str(output))
    nothing = dataset.GetRasterBand(1).GetNoDataValue()
    found = read_raster(output)[0]
    assert nothing == 255
    np.testing.assert_array_equal(
        found == nothing, ~np.isfinite(expected_probabilities(image, model)[0])
    )
    assert set(np.unique(found)) == {0, 2, 255}


def test_bands_are_found_by_wavelength(tmp_path, model):
    image = write_scene(tmp_path / "image.tif", BANDS + 3, 20, 20)
    dataset = gdal.Open(str(image), gdal.GA_Update)
    count = BANDS + 3
    for number in range(count):  # the file now runs from long to short
        band = dataset.GetRasterBand(number + 1)
        band.SetMetadataItem("wavelength", str(400.0 + 10 * (count - 1 - number)))
    del dataset
    output = tmp_path / "p.tif"
    classify_raster(image=str(image), model=str(model), probabilities=str(output))
    positions = [count - 1 - n for n in range(BANDS)]
    np.testing.assert_allclose(
        read_raster(output), expected_probabilities(image, model, positions), atol=1e-5
    )


def test_a_raster_without_the_bands_is_refused(tmp_path, model):
    image = write_scene(tmp_path / "image.tif", BANDS - 1, 9, 9)
    with pytest.raises(RasterError, match="none within half a FWHM"):
        classify_raster(image=str(image), model=str(model), output=str(tmp_path / "map.tif"))


@pytest.mark.parametrize(("scale", "likely"), [(1.0, "0.0001"), (1e-6, "0.0001")])
def test_another_scale_is_refused_by_name(tmp_path, image, model, scale, likely):
    dataset = gdal.Open(str(image), gdal.GA_Update)
    for number in range(BANDS):
        dataset.GetRasterBand(number + 1).SetScale(scale)
    del dataset
    output = tmp_path / "map.tif"
    with pytest.raises(RasterError, match=rf"scale is {scale:g} and should probably be {likely}"):
        classify_raster(image=str(image), model=str(model), output=str(output))
    assert not output.exists()


def test_a_part_of_the_image(tmp_path, image, model):
    whole, part = tmp_path / "whole.tif", tmp_path / "part.tif"
    classify_raster(image=str(image), model=str(model), output=str(whole))
    extent = (500_000 + 30 * 6, 5_800_000 - 30 * 30, 500_000 + 30 * 20, 5_800_000 - 30 * 9)
    classify_raster(image=str(image), model=str(model), output=str(part), extent=extent)
    np.testing.assert_array_equal(read_raster(part)[0], read_raster(whole)[0, 9:30, 6:20])
    with pytest.raises(RasterError, match="outside the raster"):
        classify_raster(image=str(image), model=str(model), output=str(part), extent=(0, 0, 30, 30))
    with pytest.raises(InputError, match="EXTENT has 3 numbers"):
        classify_raster(image=str(image), model=str(model), output=str(part), extent=(0, 0, 3))


@pytest.mark.parametrize("memory_mb", [256, 4096])
def test_any_memory_budget_gives_the_same_map(tmp_path, model, memory_mb):
    image = write_scene(tmp_path / "image.tif", BANDS, 90, 70, tiled=True)
    output = tmp_path / "map.tif"
    classify_raster(image=str(image), model=str(model), output=str(output), memory_mb=memory_mb)
    expected = expected_probabilities(image, model)
    codes = np.array([item.code for item in CLASSES])[np.nan_to_num(expected).argmax(0)]
    np.testing.assert_array_equal(
        read_raster(output)[0], np.where(np.isfinite(expected[0]), codes, 0)
    )


def test_an_image_of_nothing_is_refused_and_leaves_what_was_there(tmp_path, image, model):
    dataset = gdal.Open(str(image), gdal.GA_Update)
    empty = np.full((33, 27), NODATA, np.int16).tobytes()
    for number in range(BANDS):
        dataset.GetRasterBand(number + 1).WriteRaster(0, 0, 27, 33, empty)
    del dataset
    output = tmp_path / "map.tif"
    output.write_bytes(b"an earlier map")
    with pytest.raises(RasterError, match=rf"image\.tif has no pixel .*nodata is {NODATA}"):
        classify_raster(image=str(image), model=str(model), output=str(output))
    assert output.read_bytes() == b"an earlier map"


def test_a_part_without_a_value_is_refused_as_such(tmp_path, image, model):
    extent = (500_000, 5_800_000 - 30 * 4, 500_000 + 30 * 3, 5_800_000)  # the nodata corner
    with pytest.raises(RasterError, match=r"The EXTENT in image\.tif has no pixel"):
        classify_raster(
            image=str(image), model=str(model), output=str(tmp_path / "m.tif"), extent=extent
        )


@pytest.mark.parametrize(("factor", "words"), [(10.0, "times as much"), (0.1, "times less")])
def test_values_ten_times_off_are_refused(tmp_path, image, model, factor, words):
    dataset = gdal.Open(str(image), gdal.GA_Update)
    for number in range(BANDS):
        dataset.GetRasterBand(number + 1).SetScale(1e-4 * factor)
    del dataset
    with pytest.raises(RasterError, match=rf"{words}.*should probably be 0\.0001\."):
        classify_raster(image=str(image), model=str(model), output=str(tmp_path / "m.tif"))


def test_a_dark_scene_is_no_wrong_scale(tmp_path, image, model):
    dataset = gdal.Open(str(image), gdal.GA_Update)
    for number in range(BANDS):  # water: black in most bands, half as bright in the others
        dataset.GetRasterBand(number + 1).SetScale(1e-4 / (2 if number % 5 == 0 else 7))
    del dataset
    classify_raster(image=str(image), model=str(model), output=str(tmp_path / "m.tif"))


class CancelAtOnce(SilentProgress):
    """Cancels as soon as blocks are computed."""

    def report(self, fraction, text=""):
        raise Cancelled


def test_what_was_there_survives_a_run_that_ends_early(tmp_path, image, model):
    output = tmp_path / "map.tif"
    output.write_bytes(b"an earlier map")
    with pytest.raises(Cancelled):
        classify_raster(
            image=str(image), model=str(model), output=str(output), progress=CancelAtOnce()
        )
    assert output.read_bytes() == b"an earlier map"
    assert sorted(item.name for item in tmp_path.iterdir()) == [
        "image.tif",
        "map.tif",
        "model.safetensors",
    ]


def test_an_output_that_cannot_be_replaced_leaves_the_others_too(tmp_path, image, model):
    class Locking(SilentProgress):
        """Something takes the place of the second output while the job runs."""

        def report(self, fraction, text=""):
            (tmp_path / "confidence.tif").mkdir(exist_ok=True)

    (tmp_path / "map.tif").write_bytes(b"earlier")
    with pytest.raises(RasterError, match=r"confidence.tif cannot be replaced.*is unchanged"):
        classify_raster(
            image=str(image),
            model=str(model),
            output=str(tmp_path / "map.tif"),
            confidence=str(tmp_path / "confidence.tif"),
            progress=Locking(),
        )
    assert (tmp_path / "map.tif").read_bytes() == b"earlier"
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"confidence.tif", "image.tif", "map.tif", "model.safetensors"}


def test_outputs_that_cannot_work_are_refused_first(tmp_path, image, model):
    args = {"image": str(image), "model": str(model)}
    with pytest.raises(InputError, match="Nothing to write"):
        classify_raster(**args)
    path = str(tmp_path / "a.tif")
    with pytest.raises(InputError, match="same file name"):
        classify_raster(**args, output=path, confidence=path)
    with pytest.raises(RasterError, match="both input and output"):
        classify_raster(**args, output=str(image))
    with pytest.raises(RasterError, match="no folder"):
        classify_raster(**args, output=str(tmp_path / "no" / "map.tif"))
