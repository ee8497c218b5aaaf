from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hsicnn.core.errors import Cancelled, HsicnnError, InputError, RasterError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.simulation.scene import ExampleSceneResult, create_example_scene
from osgeo import gdal, ogr


def make(folder: Path, name: str = "scene", **settings) -> ExampleSceneResult:
    return create_example_scene(
        output=str(folder / f"{name}.tif"),
        reference=str(folder / f"{name}_reference.tif"),
        samples=str(folder / f"{name}_samples.gpkg"),
        **{"size": 48, "bands": 20, "classes": 3, **settings},
    )


def pixels(path: str) -> np.ndarray:
    dataset = gdal.Open(path)
    kind = {gdal.GDT_Int16: np.int16, gdal.GDT_Byte: np.uint8}
    values = np.frombuffer(dataset.ReadRaster(), kind[dataset.GetRasterBand(1).DataType])
    return values.reshape(dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> ExampleSceneResult:
    return make(tmp_path_factory.mktemp("scene"))


def test_image_carries_what_a_sensor_product_carries(scene):
    dataset = gdal.Open(scene.output)
    assert (dataset.RasterXSize, dataset.RasterYSize, dataset.RasterCount) == (48, 48, 20)
    assert "UTM zone 33N" in dataset.GetProjection()
    bands = [dataset.GetRasterBand(index + 1) for index in range(20)]
    assert {band.GetScale() for band in bands} == {0.0001}
    assert {band.GetNoDataValue() for band in bands} == {-32768}
    wavelengths = [float(band.GetMetadataItem("wavelength")) for band in bands]
    assert wavelengths == sorted(wavelengths)
    assert wavelengths[0] >= 400
    assert wavelengths[-1] <= 2500
    in_vapour = [1340 <= w <= 1450 or 1790 <= w <= 1960 for w in wavelengths]
    assert [band.GetMetadataItem("bbl") == "0" for band in bands] == in_vapour
    assert any(in_vapour)


def test_nodata_corners_are_whole_pixels_and_unlabelled(scene):
    values, labels = pixels(scene.output), pixels(scene.reference)[0]
    outside = values[0] == -32768
    assert 0.01 < outside.mean() < 0.3
    assert outside[0, -1]
    assert ((values == -32768) == outside).all()
    assert not labels[outside].any()


def test_reference_has_names_and_part_of_the_pixels(scene):
    labels = pixels(scene.reference)[0]
    counts = np.bincount(labels.ravel(), minlength=4)
    assert counts[1:].tolist() == list(scene.labelled)
    assert counts[1:].min() >= 60
    assert counts[0] > counts.sum() / 3
    dataset = gdal.Open(scene.reference)
    dataset.GetMetadata()  # GDAL 3.6 reads the side file with the names only after such a call
    band = dataset.GetRasterBand(1)
    assert band.GetCategoryNames()[1:] == list(scene.class_names)
    colours = {band.GetColorTable().GetColorEntry(code) for code in (1, 2, 3)}
    assert len(colours) == 3


def test_samples_lie_on_pixels_of_their_class(scene):
    labels = pixels(scene.reference)[0]
    transform = gdal.Open(scene.reference).GetGeoTransform()
    source = ogr.Open(scene.samples)
    seen = set()
    for feature in source.GetLayer():
        point = feature.GetGeometryRef()
        col = int((point.GetX() - transform[0]) / transform[1])
        row = int((point.GetY() - transform[3]) / transform[5])
        assert labels[row, col] == feature.GetField("code")
        assert scene.class_names[feature.GetField("code") - 1] == feature.GetField("class")
        seen.add(feature.GetField("class"))
    assert seen == set(scene.class_names)


def test_same_seed_same_scene_other_seed_another(scene, tmp_path):
    again, other = make(tmp_path, "again"), make(tmp_path, "other", seed=2)
    assert np.array_equal(pixels(scene.output), pixels(again.output))
    assert np.array_equal(pixels(scene.reference), pixels(again.reference))
    assert not np.array_equal(pixels(scene.reference), pixels(other.reference))


def test_every_class_in_every_size(tmp_path):
    for classes in (2, 12):
        result = make(tmp_path, f"with{classes}", classes=classes, size=96, bands=8)
        assert len(result.labelled) == classes
        assert min(result.labelled) > 0


def test_image_alone(tmp_path):
    result = create_example_scene(output=str(tmp_path / "a.tif"), size=32, bands=8, classes=2)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    assert result.reference == ""


@pytest.mark.parametrize(
    ("setting", "value"), [("size", 8), ("bands", 3), ("classes", 1), ("classes", 40), ("seed", -1)]
)
def test_impossible_settings_name_parameter_and_range(tmp_path, setting, value):
    with pytest.raises(InputError, match=f"{setting.upper()} is {value}; it must lie between"):
        make(tmp_path, **{setting: value})


def test_unwritable_folder_is_named(tmp_path):
    with pytest.raises(RasterError, match="nowhere"):
        make(tmp_path / "nowhere")


def test_failure_leaves_what_was_there(tmp_path):
    make(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    class Stops(SilentProgress):
        def check_cancel(self) -> None:
            raise Cancelled

    with pytest.raises(HsicnnError):
        create_example_scene(
            output=str(tmp_path / "scene.tif"), size=48, bands=20, classes=3, progress=Stops()
        )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
