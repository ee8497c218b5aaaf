from __future__ import annotations

import hashlib
import inspect
import shutil

import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.export import ExportSettings, export_training_chips
from hsicnn.core.data.leakage import location_only_score
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.data.splits import TEST, TRAIN, VALIDATION
from hsicnn.core.errors import ChipSetError, HsicnnError, InputError, LabelError, SplitError
from hsicnn.core.raster.source import RasterSource
from osgeo import gdal, ogr

from .conftest import Said, write_layer, write_raster
from .test_chips import export, files_of


def store_of(result):
    info = read_chip_set(result.output)
    return load_pixels(info, memory_bytes=2**30, progress=Said())


def test_defaults_of_the_job_are_those_of_the_settings():
    defaults = {
        name: item.default
        for name, item in inspect.signature(export_training_chips).parameters.items()
    }
    for name, value in vars(ExportSettings()).items():
        assert defaults[name] == value


def test_what_is_said_along_the_way(scene):
    said = Said()
    result = export(scene, progress=said)
    text = "\n".join(said.logs)
    for words in (
        "4 bands, 500-800 nm",
        "on nodata",
        "chips hold",
        "in all: about",
        "test pixels",
        "crop:",
    ):
        assert words in text
    assert said.fractions == sorted(said.fractions)
    assert said.fractions[-1] == 1.0
    assert tuple(said.warnings) == result.warnings
    info = read_chip_set(result.output)
    assert info.notes == (*result.notes, *result.warnings)


def test_random_draws_come_with_a_warning_instead_of_a_buffer_that_takes_all(scene):
    said = Said()
    result = export(scene, split="random", buffer=4, progress=said)
    store = store_of(result)
    assert any("BUFFER of 4" in text for text in said.warnings)
    assert read_chip_set(result.output).buffer == 0
    assert (store.split == TRAIN).mean() == pytest.approx(0.6, abs=0.01)
    assert not any("BUFFER" in text for text in export(scene, split="random", buffer=0).warnings)


def scattered(scene, field_values, **fields):
    random = np.random.default_rng(4)
    places = random.permutation(40 * 45)[: len(field_values)]
    features = []
    for number, (place, value) in enumerate(zip(places, field_values)):
        row, col = divmod(int(place), 45)
        more = {name: values[number] for name, values in fields.items()}
        text = f"POINT({500_005 + col * 10} {5_799_995 - row * 10})"
        features.append((text, {"class": value, **more}))
    return write_layer(scene.folder / "points.gpkg", features)


def test_polygons_and_fields_as_groups(scene):
    values = ["a", "b"] * 30
    zones = [f"z{number % 6}" for number in range(60)]
    path = scattered(scene, values, zone=zones, part=["train", "test", "validation"] * 20)
    common = {"reference": path, "field": "class", "buffer": 0}
    by_zone = store_of(export(scene, "zones", split="field", split_field="zone", **common))
    for group in np.unique(by_zone.group):
        assert len(np.unique(by_zone.split[by_zone.group == group])) == 1
    assert len(np.unique(by_zone.group)) == 6
    named = export(scene, "named", split="field", split_field="part", **common)
    assert {name: sum(row) for name, row in named.counts.items()} == {
        "unused": 0, "train": 20, "validation": 20, "test": 20,
    }  # fmt: skip
    single = store_of(export(scene, "single", split="polygons", **common))
    assert len(np.unique(single.group)) == 60
    assert {TRAIN, VALIDATION, TEST} == set(single.split)
    with pytest.raises(SplitError, match="raster"):
        export(scene, "raster", split="polygons")
    with pytest.raises(LabelError, match=r"'zoo'.*zone"):
        export(scene, "zoo", split="field", split_field="zoo", **common)


def test_a_raster_gives_the_split_and_the_chip_set_says_so(scene):
    codes = np.random.default_rng(3).integers(0, 4, scene.labels.shape).astype(np.uint8)
    path = write_raster(scene.folder / "split.tif", codes[None], scene.grid)
    result = export(scene, split="raster", split_raster=path, buffer=4)
    info = read_chip_set(result.output)
    store = store_of(result)
    np.testing.assert_array_equal(store.split, codes[store.row, store.col])
    assert (info.split_method, info.buffer, info.block_size) == ("raster", 0, 0)
    assert "The split is that of split.tif." in info.notes


def test_a_raster_with_other_codes_leaves_the_chip_set_that_was_there(scene):
    export(scene)
    before = files_of(scene.folder)
    with pytest.raises(SplitError, match="holds the values 4, 5"):
        export(
            scene,
            split="raster",
            split_raster=write_raster(
                scene.folder / "wrong.tif", (scene.labels + 2)[None], scene.grid
            ),
        )
    (scene.folder / "wrong.tif").unlink()
    assert files_of(scene.folder) == before


def test_a_raster_that_leaves_one_class_is_refused(scene):
    codes = np.where(scene.labels == 1, 1, 0).astype(np.uint8)
    codes[::2] *= 3
    path = write_raster(scene.folder / "split.tif", codes[None], scene.grid)
    with pytest.raises(LabelError, match="only one class, 'crop'"):
        export(scene, split="raster", split_raster=path)


def test_training_pixels_by_count(scene):
    result = export(scene, split="random", buffer=0, count_per_class=50)
    assert set(result.counts["train"]) == {50}
    assert all(count > 0 for name in ("validation", "test") for count in result.counts[name])


def test_small_classes_are_left_out(scene):
    labels = scene.labels.copy()
    labels[20, 20:25] = 4
    path = write_raster(scene.folder / "rare.tif", labels[None], scene.grid)
    said = Said()
    result = export(scene, reference=path, min_per_class=6, progress=said)
    assert len(result.classes) == 3
    assert any("class 4 (5)" in text for text in said.logs)


def test_max_per_class_caps_training_pixels_and_stores_no_others(scene):
    free = export(scene, "free")
    result = export(scene, "capped", max_per_class=40)
    assert all(count <= 40 for count in result.counts["train"])
    for name in ("validation", "test"):
        assert result.counts[name] == free.counts[name]
    assert len(store_of(result)) == sum(sum(row) for row in result.counts.values())
    assert any("MAX_PER_CLASS" in note for note in result.notes)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"split": "stripes"}, "SPLIT is 'stripes'"),
        ({"split": "field"}, "SPLIT_FIELD"),
        ({"split": "raster"}, "SPLIT_RASTER is empty"),
        ({"count_per_class": 200}, "COUNT_PER_CLASS is 200, but SPLIT is 'blocks'"),
        ({"count_per_class": -1}, "COUNT_PER_CLASS"),
        ({"min_per_class": -1}, "MIN_PER_CLASS"),
        ({"chip_size": 0}, "CHIP_SIZE"),
        ({"halo": -1}, "HALO"),
        ({"buffer": -1}, "BUFFER"),
        ({"seed": -1}, "SEED"),
        ({"train_fraction": 1.2}, "TRAIN_FRACTION"),
        ({"footprints": "here.docx"}, "FOOTPRINTS"),
        ({"footprints": "/nowhere/at/all/f.gpkg"}, "FOOTPRINTS"),
    ],
)
def test_settings_that_cannot_work_are_refused_and_nothing_is_written(scene, settings, words):
    before = files_of(scene.folder)
    with pytest.raises(InputError, match=words):
        export(scene, **settings)
    assert files_of(scene.folder) == before


def test_one_class_and_labels_on_nodata_only_are_errors(scene):
    one = write_raster(
        scene.folder / "one.tif", (scene.labels == 1).astype(np.uint8)[None], scene.grid
    )
    with pytest.raises(LabelError, match="only one class"):
        export(scene, reference=one)
    lost = np.zeros((1, 60, 50), np.uint8)
    lost[0, 45:, 46:] = [[1, 2, 1, 2]] * 15
    path = write_raster(scene.folder / "lost.tif", lost, scene.grid)
    with pytest.raises(LabelError, match=r"All 60 .*nodata"):
        export(scene, reference=path)


def test_a_class_that_lies_on_nodata_goes_and_is_named(scene):
    labels = np.minimum(scene.labels, 2)
    labels[50:, 47:] = 3
    labels[:3] = 0
    path = write_raster(
        scene.folder / "l.tif", labels[None], scene.grid, names=["", "crop", "soil", "rare"]
    )
    result = export(scene, reference=path)
    assert result.classes == ("crop", "soil")
    assert any("With them goes rare" in note for note in result.notes)


def test_footprints_show_every_chip_with_its_counts(scene):
    path = scene.folder / "prints.gpkg"
    result = export(scene, footprints=str(path))
    info = read_chip_set(result.output)
    copy = scene.folder / "copy.gpkg"
    shutil.copyfile(path, copy)
    dataset = gdal.OpenEx(str(copy), gdal.OF_VECTOR)
    layer = dataset.GetLayer(0)
    assert layer.GetName() == "prints"
    assert "33N" in layer.GetSpatialRef().ExportToWkt()
    totals = dict.fromkeys(info.counts, 0)
    train_crop = 0
    for feature, chip in zip(layer, info.chips):
        assert feature.GetField("chip") == chip.name
        assert feature.GetField("image").endswith(f"{chip.name}.tif")
        for name in totals:
            totals[name] += feature.GetField(name)
            assert feature.GetField(name) == chip.counts[name]
        train_crop += feature.GetField("train_crop")
        west, east, south, north = feature.GetGeometryRef().GetEnvelope()
        box = chip.box
        assert (west, north) == (500_000 + box.col * 10, 5_800_000 - box.row * 10)
        assert (east - west, north - south) == (box.width * 10, box.height * 10)
    assert layer.GetFeatureCount() == len(info.chips)
    assert totals == {name: sum(row) for name, row in info.counts.items()}
    assert train_crop == info.counts["train"][0]


@pytest.mark.parametrize("ending", ["gpkg", "geojson", "fgb"])
def test_footprints_that_cannot_be_finished_leave_everything_as_it_was(scene, ending, monkeypatch):
    path = scene.folder / f"prints.{ending}"
    export(scene, footprints=str(path))
    before = files_of(scene.folder)

    def full(*_):
        raise RuntimeError("disk I/O error")

    monkeypatch.setattr("hsicnn.core.data.vector_output._check_written", full)
    with pytest.raises(InputError, match=r"FOOTPRINTS cannot be written .*disk I/O error"):
        export(scene, footprints=str(path), chip_size=30)
    assert files_of(scene.folder) == before


def test_labels_in_one_block_leave_nothing_to_test_and_this_is_said(scene):
    labels = np.zeros_like(scene.labels)
    labels[:5, :5], labels[:5, 8:12] = 1, 2
    path = write_raster(scene.folder / "corner.tif", labels[None], scene.grid)
    result = export(scene, reference=path, block_size=16)
    assert any("smaller BLOCK_SIZE" in text for text in result.warnings)
    whole = export(scene, reference=path, train_fraction=1.0, validation_fraction=0.0)
    assert not any("BLOCK_SIZE" in text for text in whole.warnings)


@pytest.mark.parametrize("ending", ["geojson", "fgb"])
def test_footprints_in_other_formats_replace_an_earlier_file(scene, ending):
    path = scene.folder / f"prints.{ending}"
    export(scene, footprints=str(path))
    export(scene, footprints=str(path), chip_size=60)
    info = read_chip_set(scene.folder / "chips")
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    assert dataset.GetLayer(0).GetFeatureCount() == len(info.chips)
    assert dataset.GetLayer(0).GetGeomType() in {ogr.wkbPolygon, ogr.wkbUnknown}


def test_an_image_of_nothing_but_nodata_is_an_error(scene):
    empty = np.full((2, 60, 50), -999, np.int16)
    path = write_raster(scene.folder / "empty.tif", empty, scene.grid, nodata=-999)
    with pytest.raises(Exception, match="no usable band") as error:
        export(scene, image=path)
    assert type(error.value).__name__ == "RasterError"


def test_the_output_may_not_be_a_folder_of_other_things(scene):
    with pytest.raises(ChipSetError):
        export_training_chips(
            image=scene.image, reference=scene.reference, output=str(scene.folder)
        )


def test_enmap_with_its_label_raster(test_data, tmp_path):
    folder = test_data / "enmap_potsdam"
    result = export_training_chips(
        image=str(folder / "enmap_potsdam_cube.tif"),
        reference=str(folder / "enmap_potsdam_gt.tif"),
        output=str(tmp_path / "chips"),
    )
    assert (result.bands, len(result.classes)) == (218, 6)
    total = np.sum(list(result.counts.values()), axis=0)
    assert total.tolist() == [505, 953, 1694, 2070, 91, 359]
    assert all(min(result.counts[name]) > 0 for name in ("train", "validation", "test"))
    assert sum(result.counts["train"]) > 0.7 * 0.6 * 5672
    assert result.warnings == ()
    assert any("bands 130-135" in note for note in result.notes)
    store = store_of(result)
    assert 0 < np.nanmean(store.physical(store.index)) < 0.5  # reflectance


def test_enmap_with_57_points_warns_and_names_the_thin_classes(test_data, tmp_path):
    folder = test_data / "enmap_potsdam"
    points = tmp_path / "points.gpkg"
    shutil.copyfile(folder / "landcover_potsdam_point.gpkg", points)
    before = hashlib.sha256(points.read_bytes()).hexdigest()
    for seed in (0, 1, 2):
        said = Said()
        result = export_training_chips(
            image=str(folder / "enmap_potsdam_cube.tif"),
            reference=str(points),
            field="level_2",
            output=str(tmp_path / "chips"),
            footprints=str(tmp_path / "prints.gpkg"),
            seed=seed,
            progress=said,
        )
        assert sum(sum(row) for row in result.counts.values()) == 57
        assert any("'water' is thin" in text for text in said.warnings)
        water = result.classes.index("water")
        assert [result.counts[name][water] for name in result.counts] == [0, 1, 1, 1]
    assert hashlib.sha256(points.read_bytes()).hexdigest() == before


def test_random_tenth_of_indian_pines_is_told_to_leak(test_data, tmp_path):
    folder = test_data / "indian_pines"
    said = Said()
    result = export_training_chips(
        image=str(folder / "indian_pines_simulated_cube.tif"),
        reference=str(folder / "indian_pines_gt_georef.tif"),
        output=str(tmp_path / "chips"),
        split="random",
        train_fraction=0.1,
        validation_fraction=0.0,
        progress=said,
    )
    assert 0.97 <= result.location_only <= 0.985
    assert any("Location alone" in text for text in said.warnings)
    info = read_chip_set(result.output)
    assert info.leak_at(4).test_centres_inside > 0.99
    store = load_pixels(info, memory_bytes=2**30, progress=Said())

    class Codes:
        codes = store.split

    again = location_only_score(Codes, store.row, store.col, store.label)
    assert again == pytest.approx(result.location_only, abs=1e-3)


def test_an_image_is_read_only_around_its_labels(scene, monkeypatch):
    corner = np.zeros_like(scene.labels)
    corner[2:8, 2:8] = scene.labels[2:8, 2:8] % 2 + 1
    path = write_raster(scene.folder / "corner.tif", corner[None], scene.grid)
    read = np.zeros((60, 50), bool)
    real = RasterSource.read_raw

    def watched(self, window, positions, **more):
        read[window.rows, window.cols] = True
        return real(self, window, positions, **more)

    monkeypatch.setattr(RasterSource, "read_raw", watched)
    export(scene, reference=path, split="random", buffer=0)
    assert read[:11, :11].all()
    assert not read[11:].any()
    assert not read[:, 11:].any()


@pytest.mark.parametrize("code", [-5, 70_000])
def test_codes_that_no_class_map_can_hold_are_refused_before_a_training(scene, tmp_path, code):
    labels = scene.labels.astype(np.int32)
    labels[labels == 3] = code
    reference = tmp_path / "codes.tif"
    write_raster(reference, labels[None], scene.grid)
    with pytest.raises(HsicnnError, match=f"{code} does not fit a class map"):
        export(scene, reference=str(reference))


def test_random_points_far_apart_keep_their_buffer(scene):
    points = [
        (f"POINT({500_005 + 120 * col} {5_799_995 - 120 * row})", {"class": "ab"[(row + col) % 2]})
        for row in range(5)
        for col in range(4)
    ]
    said = Said()
    path = write_layer(scene.folder / "points.gpkg", points)
    result = export(scene, reference=path, field="class", split="random", buffer=4, progress=said)
    assert read_chip_set(result.output).buffer == 4
    assert not any("BUFFER" in text for text in said.warnings)


def test_a_disk_that_may_not_hold_the_chips_is_told_before(scene, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 8, 1))
    assert any("has 0.1 KiB left" in text for text in export(scene).warnings)


def test_without_test_pixels_there_is_no_word_of_location(scene):
    said = Said()
    result = export(scene, train_fraction=0.8, validation_fraction=0.2, progress=said)
    assert read_chip_set(result.output).location_only is None
    assert not any("Location alone" in text for text in said.logs)


def test_footprints_in_the_place_of_a_folder_are_refused(scene):
    folder = scene.folder / "prints.gpkg"
    folder.mkdir()
    with pytest.raises(InputError, match=r"FOOTPRINTS is .*prints\.gpkg, a folder"):
        export(scene, footprints=str(folder))


def test_footprints_of_very_many_classes_have_no_field_for_each(scene):
    many = (np.indices((60, 50)).sum(axis=0) % 61 + 1).astype(np.uint8)
    reference = write_raster(scene.folder / "many.tif", many[None], scene.grid)
    path = scene.folder / "prints.gpkg"
    export(scene, reference=reference, split="random", buffer=0, footprints=str(path))
    dataset = ogr.Open(str(path))
    definition = dataset.GetLayer(0).GetLayerDefn()
    names = {definition.GetFieldDefn(n).GetName() for n in range(definition.GetFieldCount())}
    assert names == {"chip", "image", "unused", "train", "validation", "test"}


def test_one_class_nearly_everywhere_is_no_leak(scene):
    labels = np.ones((60, 50), np.uint8)
    labels[::20, ::10] = 2
    write_raster(scene.folder / "labels.tif", labels[None], scene.grid)
    said = Said()
    result = export(scene, split="random", buffer=0, progress=said)
    assert result.location_only > 0.9
    assert any("Location alone" in text for text in said.logs)
    assert not any("Location alone" in text for text in said.warnings)
