"""The job: from reference data to split rasters, classes of each part, page and figures."""

from __future__ import annotations

import inspect
import json
import sys

import numpy as np
import pytest
from hsicnn.core.data.labels import read_labels
from hsicnn.core.data.separation import TEST, TRAIN, VALIDATION
from hsicnn.core.errors import (
    Cancelled,
    HsicnnError,
    InputError,
    LabelError,
    RasterError,
    SplitError,
)
from hsicnn.core.raster.source import RasterSource
from hsicnn.core.splitting.settings import SplitSettings
from hsicnn.core.splitting.split_reference import split_reference
from osgeo import gdal

from ..data.conftest import Said, make_grid, scene, write_layer, write_raster
from ..data.test_chips import files_of

__all__ = ["scene"]

BLOCKS = {"block_size": 10, "buffer": 2}


def split(scene, name="split", **more):
    arguments = {"reference": scene.reference, **more}
    return split_reference(output=str(scene.folder / f"{name}.tif"), **arguments)


def values_of(path):
    dataset = gdal.Open(str(path))
    kind = {1: np.uint8, 2: np.uint16}[dataset.GetRasterBand(1).DataType]
    return np.frombuffer(dataset.ReadRaster(), kind).reshape(
        dataset.RasterYSize, dataset.RasterXSize
    )


def test_defaults_of_the_job_are_those_of_the_settings():
    taken = inspect.signature(split_reference).parameters
    for name, value in vars(SplitSettings()).items():
        assert taken[name].default == value


def test_all_outputs_say_the_same(scene):
    paths = {name: str(scene.folder / f"{name}.tif") for name in ("train", "validation", "test")}
    page, figures = scene.folder / "page.html", scene.folder / "figures.json"
    said = Said()
    result = split(
        scene, **paths, **BLOCKS, report=str(page), json=str(figures), patch_size=5, progress=said
    )
    codes = values_of(result.output)
    assert set(np.unique(codes)) == {0, TRAIN, VALIDATION, TEST}
    assert not codes[scene.labels == 0].any()
    record = json.loads(figures.read_text())
    for code, name in ((TRAIN, "train"), (VALIDATION, "validation"), (TEST, "test")):
        own = values_of(paths[name])
        np.testing.assert_array_equal(own, np.where(codes == code, scene.labels, 0))
        counts = [int((own == value).sum()) for value in (1, 2, 3)]
        assert record["counts"][name] == counts
        assert getattr(result, f"{name}_pixels") == sum(counts)
    assert record["location_only"] == result.location_only
    assert record["test_pixels_inside_training_patches"] == result.inside == 0
    assert (record["method"], record["block_size"], record["buffer"]) == ("blocks", 10, 2)
    assert [leak["radius"] for leak in record["leak"]] == [0, 1, 2, 3, 4, 5, 7, 12]
    assert result.leaks is False
    text = page.read_text(encoding="utf-8")
    for words in ("crop", "soil", "water", "5 x 5 (PATCH_SIZE)", "Location alone", "Median"):
        assert words in text
    assert text.count("data:image/png;base64,") == 2
    assert said.fractions == sorted(said.fractions)
    assert said.fractions[-1] == 1.0
    assert tuple(said.warnings) == result.warnings
    assert any(line.startswith("1 crop: ") for line in said.logs)
    assert not list(scene.folder.glob(".*"))


def test_the_split_raster_is_styled(scene):
    dataset = gdal.Open(split(scene, **BLOCKS).output)
    band = dataset.GetRasterBand(1)
    assert band.GetNoDataValue() == 0  # GDAL 3.6 reads what lies beside the file only when asked
    assert band.GetCategoryNames() == ["", "train", "validation", "test"]
    assert band.GetColorTable().GetColorEntry(TEST)[:3] == (0xD5, 0x5E, 0x00)
    assert dataset.GetMetadata("HSICNN")["SPLIT_SUMMARY"] == "blocks of 10 pixels, buffer 2, seed 1"
    assert 'label="validation"' in (scene.folder / "split.qml").read_text()
    with RasterSource(str(scene.folder / "split.tif")) as source:
        assert source.grid.same_as(scene.grid)


def test_class_rasters_serve_as_references_with_codes_colours_and_names(scene):
    """Codes with gaps, beyond a byte, and one that is 0."""
    labels = np.array([0, 300, 7, 9], dtype=np.uint16)[scene.labels]
    path = write_raster(scene.folder / "own.tif", labels[None], scene.grid, nodata=9)
    styles = [
        {"value": 0, "name": "bare", "color": "#101010"},
        {"value": 300, "name": "oats", "color": "#203040"},
        {"value": 7, "name": "pond", "color": "#0000ff"},
    ]
    train = str(scene.folder / "train.tif")
    split(scene, reference=path, train=train, unlabelled=9, styles=styles, **BLOCKS)
    dataset = gdal.Open(train)
    empty = int(dataset.GetRasterBand(1).GetNoDataValue())
    assert empty == 255
    found = read_labels(train, scene.grid, unlabelled=empty, progress=Said())
    told = [(item.code, item.name, item.color) for item in found.classes]
    assert told == [(0, "bare", "#101010"), (7, "pond", "#0000ff"), (300, "oats", "#203040")]
    used = values_of(scene.folder / "split.tif") == TRAIN
    np.testing.assert_array_equal(np.column_stack([found.rows, found.cols]), np.argwhere(used))
    codes = np.array([item.code for item in found.classes])[found.values - 1]
    np.testing.assert_array_equal(codes, labels[used])


def test_what_was_written_is_taken_as_a_split_again(scene):
    first = split(scene, **BLOCKS, train=str(scene.folder / "a.tif"),
                  test=str(scene.folder / "b.tif"))  # fmt: skip
    again = split(scene, "again", split="raster", split_raster=first.output)
    np.testing.assert_array_equal(values_of(again.output), values_of(first.output))
    assert "The split is that of split.tif: blocks of 10 pixels, buffer 2, seed 1." in again.notes
    masks = {"train_mask": first.train, "test_mask": first.test}
    third = split(scene, "third", split="raster", **masks)
    expected = np.where(values_of(first.output) == VALIDATION, 0, values_of(first.output))
    np.testing.assert_array_equal(values_of(third.output), expected)


def test_folds_are_numbered_and_reported_one_by_one(scene):
    page, figures = scene.folder / "page.html", scene.folder / "figures.json"
    result = split(scene, split="folds", k=3, **BLOCKS, report=str(page), json=str(figures), seed=2)
    codes = values_of(result.output)
    assert set(np.unique(codes[scene.labels > 0])) == {1, 2, 3}
    record = json.loads(figures.read_text())
    assert len(record["folds"]) == 3
    scores = [fold["location_only"] for fold in record["folds"]]
    assert result.location_only == pytest.approx(np.mean(scores))
    tested = [sum(fold["counts"]["test"]) for fold in record["folds"]]
    assert tested == [int((codes == fold).sum()) for fold in (1, 2, 3)]
    text = page.read_text(encoding="utf-8")
    for words in ("Fold 1", "Fold 3", "Mean", "fold is tested once"):
        assert words in text
    dataset = gdal.Open(result.output)
    assert dataset.GetMetadata("HSICNN")["SPLIT_KIND"] == "folds"
    names = dataset.GetRasterBand(1).GetCategoryNames()
    assert names == ["", "fold 1", "fold 2", "fold 3"]
    with pytest.raises(SplitError, match="spatial folds"):
        split(scene, "no", split="raster", split_raster=result.output)


def test_the_seed_gives_the_same_bytes_again(scene):
    one, again, other = (
        (split(scene, name, seed=seed, **BLOCKS), (scene.folder / f"{name}.tif").read_bytes())[1]
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert one == again
    assert one != other


def test_an_image_gives_the_grid_and_takes_the_labels_on_nodata(scene):
    layer = write_layer(
        scene.folder / "fields.gpkg",
        [
            (box(row, col), {"class": name})
            for (row, col), name in zip(np.ndindex(6, 5), ["a", "b", "c"] * 10)
        ],
    )
    given = {"reference": layer, "field": "class", "split": "polygons", "buffer": 0}
    result = split(scene, image=scene.image, **given)
    codes = values_of(result.output)
    assert codes.shape == (60, 50)
    assert not codes[40:, 45:].any()  # nodata
    assert any("on nodata" in note for note in [*result.notes, *said_of(scene, given)])
    for row, col in np.ndindex(6, 5):
        assert len(set(codes[row * 10 : row * 10 + 8, col * 10 : col * 10 + 8].ravel()) - {0}) == 1
    # Without the image: a grid of its own, from the extent of the layer.
    own = split(scene, "own", pixel_size=20.0, **given)
    with RasterSource(own.output) as source:
        assert source.grid.pixel_size == (20.0, 20.0)
        assert (source.grid.height, source.grid.width) == (
            30,
            25,
        )  # an edge on a pixel's edge is inside
        assert source.grid.geotransform[0] == 500_000.0
        assert source.grid.geotransform[3] == 5_800_000.0


def said_of(scene, given):
    said = Said()
    split(scene, "said", image=scene.image, progress=said, **given)
    return said.logs


def box(row, col):
    """A polygon of 8 x 8 pixels of the scene, with a gap of 2 to the next."""
    left, top = 500_000 + col * 100, 5_800_000 - row * 100
    right, bottom = left + 80, top - 80
    return f"POLYGON(({left} {top},{right} {top},{right} {bottom},{left} {bottom},{left} {top}))"


def fields(scene, **columns):
    features = []
    for number, (row, col) in enumerate(np.ndindex(6, 5)):
        more = {name: values[number % len(values)] for name, values in columns.items()}
        features.append((box(row, col), {"class": "ab"[number % 2], **more}))
    return write_layer(scene.folder / "fields.gpkg", features)


def test_a_field_says_what_is_for_what(scene):
    path = fields(scene, part=["train", "train", "test", "test", "validation", "unused"])
    given = {"reference": path, "field": "class", "split": "field", "split_field": "part"}
    result = split(scene, image=scene.image, **given)
    codes = values_of(result.output)
    order = [TRAIN, TRAIN, TEST, TEST, VALIDATION, 0]
    for number, (row, col) in enumerate(np.ndindex(6, 5)):
        own = codes[row * 10 : row * 10 + 8, col * 10 : col * 10 + 5]
        if row < 4 or col < 4:
            assert set(own.ravel()) == {order[number % 6]}
    typed = fields_again(scene, part=["train", "test", "tset"])
    with pytest.raises(SplitError, match="but also tset"):
        split(scene, "typed", image=scene.image, **{**given, "reference": typed})


def fields_again(scene, **columns):
    (scene.folder / "fields.gpkg").unlink()
    return fields(scene, **columns)


def test_masks_on_another_grid_are_resampled_and_said(scene):
    half = np.zeros((30, 25), np.uint8)
    half[:12] = 1
    grid = make_grid(30, 25, pixel=20.0)
    train = write_raster(scene.folder / "upper.tif", half[None], grid)
    test = write_raster(scene.folder / "lower.tif", 1 - half[None], grid)
    result = split(scene, split="raster", train_mask=train, test_mask=test, buffer=3)
    codes = values_of(result.output)
    labelled = scene.labels > 0
    np.testing.assert_array_equal(codes[:21][labelled[:21]], TRAIN)
    np.testing.assert_array_equal(codes[24:][labelled[24:]], TEST)
    train_places, test_places = np.argwhere(codes == TRAIN), np.argwhere(codes == TEST)
    apart = np.abs(train_places[:, None] - test_places[None]).max(axis=2)
    assert apart.min() == 4
    assert sum("resampled" in note for note in result.notes) == 2


def test_a_part_without_pixels_is_written_and_said(scene):
    said = Said()
    path = scene.folder / "validation.tif"
    split(scene, validation_fraction=0.0, validation=str(path), progress=said, **BLOCKS)
    assert not values_of(path).any()
    assert any("VALIDATION is empty" in text for text in said.warnings)


def test_without_matplotlib_the_page_says_what_is_missing(scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    page = scene.folder / "page.html"
    split(scene, report=str(page), **BLOCKS)
    text = page.read_text(encoding="utf-8")
    assert "Pictures need matplotlib" in text
    assert "Location alone" in text


def wrong_cases(scene):
    large = write_raster(scene.folder / "large.tif", scene.labels[None].astype(np.int32) * 70_000,
                         scene.grid)  # fmt: skip
    layer = fields(scene, part=["train", "test"])
    out = str(scene.folder / "split.tif")
    return {
        "a layer without a grid": (
            {"reference": layer, "field": "class"},
            InputError,
            "a vector layer, which has no pixels.*INPUT.*PIXEL_SIZE",
        ),
        "a pixel size of nothing": (
            {"reference": layer, "field": "class", "pixel_size": 0.0},
            InputError,
            "PIXEL_SIZE is 0",
        ),
        "pixels of a millimetre": (
            {"reference": layer, "field": "class", "pixel_size": 0.001},
            InputError,
            "PIXEL_SIZE 0.001 makes 480,001 x 580,001 pixels.*in metres",
        ),
        "a field of a raster": (
            {"split": "field", "split_field": "part"},
            InputError,
            "REFERENCE is a raster, which has no fields",
        ),
        "folds as parts": (
            {"split": "folds", "train": str(scene.folder / "t.tif")},
            InputError,
            "SPLIT is 'folds'.*TRAIN cannot be written",
        ),
        "one file for two": ({"test": out}, InputError, "same file name"),
        "the reference as output": (
            {"train": scene.reference},
            RasterError,
            "both input and output",
        ),
        "the reference as report": (
            {"report": scene.reference},
            InputError,
            "REPORT is the input",
        ),
        "codes that no class raster holds": (
            {"reference": large, "train": str(scene.folder / "t.tif")},
            RasterError,
            "Class code 70000 does not fit",
        ),
        "no folder": (
            {"report": str(scene.folder / "no" / "page.html")},
            InputError,
            "there is no folder",
        ),
        "no raster": ({"test": str(scene.folder / "test.png")}, RasterError, r"ends in \.tif"),
        "no reference": (
            {"reference": str(scene.folder / "nowhere.tif")},
            HsicnnError,
            "nowhere",
        ),
        "no such field": (
            {"reference": layer, "field": "klass", "image": scene.image},
            LabelError,
            "klass",
        ),
        "classes that are all too small": (
            {"min_per_class": 10**6},
            SplitError,
            "no class has so many",
        ),
        "blocks larger than the scene": (
            {"split": "folds", "block_size": 100},
            InputError,
            "lie in 1 blocks",
        ),
        "a buffer that takes all": (
            {"split": "random", "buffer": 30},
            SplitError,
            "Use a smaller BUFFER",
        ),
    }


CASES = (
    "a layer without a grid", "a pixel size of nothing", "pixels of a millimetre",
    "a field of a raster", "folds as parts", "one file for two", "the reference as output",
    "the reference as report",
    "codes that no class raster holds", "no folder", "no raster", "no reference", "no such field",
    "classes that are all too small", "blocks larger than the scene", "a buffer that takes all",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_work_is_refused_and_changes_nothing(scene, case):
    more, kind, words = wrong_cases(scene)[case]
    (scene.folder / "split.tif").write_bytes(b"what was there before")
    before = files_of(scene.folder)
    with pytest.raises(kind, match=words):
        split(scene, **more)
    assert files_of(scene.folder) == before


@pytest.mark.parametrize("steps", range(5))
def test_cancelling_leaves_what_was_there(scene, steps):
    outputs = {"report": str(scene.folder / "page.html"), "json": str(scene.folder / "f.json")}
    (scene.folder / "split.tif").write_bytes(b"what was there before")
    before = files_of(scene.folder)
    with pytest.raises(Cancelled):
        split(scene, **outputs, progress=Said(cancel_after=steps), **BLOCKS)
    assert files_of(scene.folder) == before


def test_random_ten_per_cent_of_indian_pines_is_known_from_location(test_data, tmp_path):
    reference = str(test_data / "indian_pines" / "indian_pines_gt_georef.tif")
    scores = []
    for seed in range(10):
        figures = tmp_path / f"{seed}.json"
        split_reference(
            reference=reference,
            output=str(tmp_path / "split.tif"),
            json=str(figures),
            split="random",
            train_fraction=0.1,
            validation_fraction=0.0,
            seed=seed,
        )
        scores.append(json.loads(figures.read_text())["location_only"])
    assert 0.97 <= np.mean(scores) <= 0.98


@pytest.mark.parametrize("name", ["indian_pines_gt.tif", "indian_pines_gt_georef.tif"])
def test_blocks_of_indian_pines_keep_test_pixels_out_of_training_patches(test_data, tmp_path, name):
    reference = str(test_data / "indian_pines" / name)
    output = tmp_path / "split.tif"
    result = split_reference(reference=reference, output=str(output), patch_size=9)
    codes = values_of(output)
    test, train = np.argwhere(codes == TEST), np.argwhere(codes == TRAIN)
    assert len(test) > 1000
    apart = np.abs(test[:, None] - train[None]).max(axis=2).min(axis=1)
    assert apart.min() > 4
    assert (result.inside, result.leaks) == (0.0, False)


def test_two_hundred_a_class_of_indian_pines(test_data, tmp_path):
    reference = str(test_data / "indian_pines" / "indian_pines_gt_georef.tif")
    figures = tmp_path / "figures.json"
    result = split_reference(
        reference=reference,
        output=str(tmp_path / "split.tif"),
        json=str(figures),
        split="random",
        count_per_class=200,
        min_per_class=100,
    )
    assert json.loads(figures.read_text())["counts"]["train"] == [200] * 12
    (note,) = [note for note in result.notes if "left out" in note]
    assert note.endswith("class 1 (46), class 7 (28), class 9 (20), class 16 (93).")
