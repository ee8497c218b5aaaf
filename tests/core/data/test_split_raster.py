"""Splits from rasters of codes and from masks."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.fixed_split import names_splits, split_coded, split_named
from hsicnn.core.data.labels import read_labels
from hsicnn.core.data.separation import TEST, TRAIN, UNUSED, VALIDATION
from hsicnn.core.data.split_raster import FOLDS, KIND, read_split_masks, read_split_raster
from hsicnn.core.errors import Cancelled, LabelError, RasterError, SplitError
from osgeo import gdal

from .conftest import Said, make_grid, write_raster
from .test_splits import labels_of


@pytest.fixture
def labels(scene):
    return read_labels(scene.reference, scene.grid, progress=Said())


def codes_of(scene, seed=1):
    return np.random.default_rng(seed).integers(0, 4, scene.labels.shape).astype(np.uint8)


def write_codes(scene, codes, name="split.tif", grid=None, **more):
    return write_raster(scene.folder / name, codes[None], grid or scene.grid, **more)


def test_codes_of_labelled_pixels_are_taken_as_they_are(scene, labels):
    codes = codes_of(scene)
    found = read_split_raster(write_codes(scene, codes), labels, scene.grid, Said())
    np.testing.assert_array_equal(found.codes, codes[labels.rows, labels.cols])
    assert len(found.labels) == len(labels)
    unused = int((found.codes == UNUSED).sum())
    assert found.notes == (
        "The split is that of split.tif.",
        f"{unused:,} labelled pixels are in no part of the split: unused.",
    )


def test_another_grid_is_resampled_by_nearest_neighbour_and_said(scene, labels):
    small = codes_of(scene)[::2, ::2]
    grid = make_grid(30, 25, pixel=20.0)
    found = read_split_raster(write_codes(scene, small, grid=grid), labels, scene.grid, Said())
    full = np.kron(small, np.ones((2, 2), dtype=np.uint8))
    np.testing.assert_array_equal(found.codes, full[labels.rows, labels.cols])
    assert any("resampled" in note and "nearest" in note for note in found.notes)


def test_a_raster_of_another_place_is_refused(scene, labels):
    far = make_grid(60, 50, origin=(900_000.0, 5_800_000.0))
    path = write_codes(scene, codes_of(scene), grid=far)
    with pytest.raises(LabelError, match=r"split\.tif"):
        read_split_raster(path, labels, scene.grid, Said())


@pytest.mark.parametrize(("values", "words"), [((7,), "the value 7"), ((9, 7), "values 7, 9")])
def test_other_codes_are_refused(scene, labels, values, words):
    codes = codes_of(scene)
    for place, value in enumerate(values):
        codes[place, 0] = value
    with pytest.raises(SplitError, match=rf"{words}; expected 1 for train, 2 for validation"):
        read_split_raster(write_codes(scene, codes), labels, scene.grid, Said())


def test_folds_are_no_split(scene, labels):
    path = write_codes(scene, codes_of(scene))
    dataset = gdal.OpenEx(path, gdal.OF_UPDATE)
    dataset.SetMetadata({KIND: FOLDS}, "HSICNN")
    dataset.FlushCache()
    del dataset
    with pytest.raises(SplitError, match="spatial folds"):
        read_split_raster(path, labels, scene.grid, Said())


def test_a_raster_that_marks_no_label_is_refused(scene, labels):
    codes = np.where(scene.labels == 0, TRAIN, UNUSED).astype(np.uint8)
    with pytest.raises(SplitError, match="marks none of the"):
        read_split_raster(write_codes(scene, codes), labels, scene.grid, Said())
    with pytest.raises(RasterError, match="nowhere"):
        read_split_raster(str(scene.folder / "nowhere.tif"), labels, scene.grid, Said())


def test_a_class_in_no_part_goes_and_one_that_never_trains_is_named(scene, labels):
    codes = np.where(scene.labels == 3, UNUSED, TRAIN).astype(np.uint8)
    codes[:30] *= TEST
    found = read_split_raster(write_codes(scene, codes), labels, scene.grid, Said())
    assert [item.name for item in found.labels.classes] == ["crop", "soil"]
    assert found.notes[-1] == "Classes without a pixel in any part are left out: water."
    assert len(found.codes) == len(found.labels)
    never = np.where(scene.labels == 3, TEST, TRAIN).astype(np.uint8)
    found = read_split_raster(write_codes(scene, never), labels, scene.grid, Said())
    with pytest.raises(SplitError, match=r"raster of the split gives the class 'water' no pixel"):
        split_coded(found.labels, found.codes, buffer=0, seed=1)


def test_a_class_without_test_pixels_is_no_error(scene, labels):
    """Blocks leave such classes too, and their split can be used again."""
    codes = np.where(scene.labels == 3, TRAIN, codes_of(scene)).astype(np.uint8)
    found = read_split_raster(write_codes(scene, codes), labels, scene.grid, Said())
    split = split_coded(found.labels, found.codes, buffer=0, seed=1)
    assert (split.method, split.buffer) == ("raster", 0)
    np.testing.assert_array_equal(split.codes, found.codes)


def test_masks_mark_what_they_label(scene, labels):
    codes = codes_of(scene)
    paths = {
        code: write_codes(scene, (scene.labels * (codes == code)).astype(np.uint8), f"m{code}.tif")
        for code in (TRAIN, VALIDATION, TEST)
    }
    found = read_split_masks(paths, labels, scene.grid, Said())
    np.testing.assert_array_equal(found.codes, codes[labels.rows, labels.cols])
    assert found.notes[0] == (
        "The split is that of the masks: train m1.tif, validation m2.tif, test m3.tif."
    )
    without = {code: paths[code] for code in (TRAIN, TEST)}
    two = read_split_masks(without, labels, scene.grid, Said()).codes
    np.testing.assert_array_equal(two, np.where(found.codes == VALIDATION, UNUSED, found.codes))


def test_masks_that_overlap_are_refused(scene, labels):
    one = np.ones(scene.labels.shape, np.uint8)
    other = np.where(scene.labels == 2, 1, 0).astype(np.uint8)
    paths = {
        TRAIN: write_codes(scene, one, "train.tif"),
        TEST: write_codes(scene, other, "test.tif"),
    }
    count = int((scene.labels == 2).sum())
    with pytest.raises(
        SplitError, match=rf"{count:,} labelled pixels are in both train.tif \(train\) and test"
    ):
        read_split_masks(paths, labels, scene.grid, Said())


def test_reading_can_be_cancelled(scene, labels):
    path = write_codes(scene, codes_of(scene))
    with pytest.raises(Cancelled):
        read_split_raster(path, labels, scene.grid, Said(cancel_after=0))


def named(words):
    return labels_of(range(len(words)), [0] * len(words), [1] * len(words),
                     range(1, len(words) + 1), words)  # fmt: skip


def test_words_of_splits_and_names_of_groups_are_told_apart():
    assert names_splits(named(["Train", "TEST ", "val", "unused"]))
    assert not names_splits(named(["north", "south"]))
    assert not names_splits(named(["north", "test"]))
    assert not names_splits(named([]))
    assert split_named(named(["train", "test", "unused"]), buffer=0, seed=1).codes.tolist() == [
        TRAIN,
        TEST,
        UNUSED,
    ]


def test_a_slip_of_the_pen_among_the_words_is_refused():
    with pytest.raises(SplitError, match=r"holds train and test, but also tset, valdation;"):
        names_splits(named(["train", "test", "tset", "valdation"]))
    many = [f"z{number}" for number in range(12)]
    with pytest.raises(SplitError, match="and 4 more"):
        names_splits(named(["train", "test", *many]))
