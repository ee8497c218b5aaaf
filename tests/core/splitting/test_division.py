"""Every method with a buffer keeps test pixels out of training patches, and says what it did."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.separation import TEST, TRAIN, UNUSED, VALIDATION
from hsicnn.core.errors import InputError, SplitError
from hsicnn.core.splitting.division import divide
from hsicnn.core.splitting.findings import figures_of, findings, share_text
from hsicnn.core.splitting.settings import SPLITS, SplitSettings
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from ..data.conftest import Said, make_grid, write_raster
from ..data.test_splits import field_map, labels_of

GRID = make_grid(200, 200)


def divided(labels, **given_settings):
    return divide(labels, GRID, SplitSettings(**given_settings), Said())


def distances(labels, codes):
    """Chebyshev distances of test pixels to the nearest training pixel, by brute force."""
    rows, cols = labels.rows.astype(int), labels.cols.astype(int)
    test, train = codes == TEST, codes == TRAIN
    down = np.abs(rows[test][:, None] - rows[train][None])
    right = np.abs(cols[test][:, None] - cols[train][None])
    return np.maximum(down, right).min(axis=1, initial=10**6)


def with_groups(labels, size, words=()):
    """Labels in square polygons of a size, numbered; or with words in turn."""
    groups = labels.rows // size * 100 + labels.cols // size
    _, groups = np.unique(groups, return_inverse=True)
    if words:
        groups %= len(words)
    return labels_of(labels.rows, labels.cols, labels.values, groups + 1, words)


def map_of(seed, classes, patch, share):
    """A map of fields, some of its pixels labelled, every class with two pixels or more."""
    labels = field_map(36, classes, patch, seed)
    kept = np.random.default_rng(seed).random(len(labels)) < share
    labels = labels.keep(kept)
    assume(min(labels.counts(), default=0) > 1)
    return labels


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    method=st.sampled_from(["blocks", "polygons", "random", "folds", "field", "patches"]),
    buffer=st.integers(0, 6),
    classes=st.integers(1, 4),
    patch=st.sampled_from([1, 3, 6, 12]),
    share=st.sampled_from([0.05, 0.5, 1.0]),
)
def test_with_a_buffer_no_test_pixel_lies_in_a_training_patch(
    seed, method, buffer, classes, patch, share
):
    labels = map_of(seed, classes, patch, share)
    if method == "polygons":
        labels = with_groups(labels, 7)
    if method == "field":
        labels = with_groups(labels, 9, ("train", "test", "validation"))
    asked = {"split": "polygons" if method == "patches" else method, "buffer": buffer, "seed": seed}
    if method in ("blocks", "folds") and seed % 2:
        asked["block_size"] = 6
    if method == "field":
        asked["split_field"] = "part"
    try:
        division = divided(labels, k=3, **asked)
    except (SplitError, InputError):
        reject()  # a buffer that leaves a class nothing to train on, or too few blocks
    assert division.buffer == buffer
    found = findings(division, 2 * buffer + 1, Said())
    for fold, item in enumerate(found.figures, 1):
        codes = division.parts(fold)
        apart = distances(division.labels, codes)
        if not len(apart) or not (codes == TRAIN).any():
            assert item.distances is None
            continue
        assert apart.min() > buffer
        assert item.distances.least == apart.min()
        assert item.distances.median == np.median(apart)
        assert sum(item.distances.pixels) == len(apart)
        for leak in item.leaks:
            assert leak.test_centres_inside == pytest.approx(np.mean(apart <= leak.radius))
            assert leak.test_patches_touching == pytest.approx(np.mean(apart <= 2 * leak.radius))
        assert item.leak_at(2 * buffer + 1).test_centres_inside == 0


def test_folds_test_every_pixel_once_and_train_on_the_others():
    labels = field_map(96, 4, 6)
    division = divided(labels, split="folds", k=4, block_size=12, buffer=2)
    assert set(division.codes) == {1, 2, 3, 4}
    tested = sum((division.parts(fold) == TEST).astype(int) for fold in range(1, 5))
    np.testing.assert_array_equal(tested, 1)
    one = division.parts(1)
    assert set(one) == {UNUSED, TRAIN, TEST}
    assert division.describe() == "4 spatial folds of blocks of 12 pixels, buffer 2, seed 1"


def test_fewer_blocks_than_folds_are_refused():
    with pytest.raises(InputError, match="5 folds were asked for and the labels lie in 4 blocks"):
        divided(field_map(32), split="folds", block_size=16)


def test_classes_that_lack_folds_are_named():
    labels = field_map(96, 3, 6)
    values = np.where((labels.rows < 3) & (labels.cols < 3), 4, labels.values)
    labels = labels_of(labels.rows, labels.cols, values)
    division = divided(labels, split="folds", k=3, block_size=24, buffer=1)
    (warning,) = division.warnings
    assert "Class 'c4' is in 1 of 3 folds only" in warning
    found = findings(division, 9, Said())
    fold = int(division.codes[values == 4][0])
    assert any(f"'c4' has no training pixel when fold {fold} is tested" in w for w in found.lost)


def test_empty_choices_are_made_and_said():
    labels = field_map(160, 6, 10)
    division = divided(labels)
    assert division.block_size == pytest.approx(16, abs=1)  # four buffers of 4
    assert any("Labels resemble each other up to about" in note for note in division.notes)
    assert division.found.range == pytest.approx(10, abs=1)
    assert (division.buffer, divided(labels, split="random").buffer) == (4, 0)
    assert divided(labels, split="random", buffer=0).found is None
    assert divided(labels, block_size=20).found is None


def test_patches_stand_for_polygons_and_stay_whole():
    labels = field_map(96, 4, 12)
    division = divided(labels, split="polygons", buffer=0)
    assert any("patches of connected pixels of one class" in note for note in division.notes)
    fields = labels.rows // 12 * 8 + labels.cols // 12
    assert all(len(set(division.codes[fields == field])) == 1 for field in range(64))


def test_groups_of_a_field_are_told_from_words():
    labels = with_groups(field_map(96), 12, tuple(f"farm {number}" for number in range(12)))
    division = divided(labels, split="field", split_field="farm")
    assert division.buffer == 4
    words = with_groups(field_map(96), 12, ("train", "test"))
    assert divided(words, split="field", split_field="part").buffer == 0
    (note, *_) = [note for note in division.notes if "names of groups" in note]
    assert "farm 0, farm 1" in note
    assert "and 4 more" in note
    for group in range(1, 13):
        assert len(set(division.codes[labels.groups == group]) - {UNUSED}) <= 1


def test_rasters_are_laid_on_the_labels(tmp_path):
    labels = field_map(96, 4, 6)
    grid = make_grid(96, 96)
    codes = np.random.default_rng(0).integers(0, 4, (96, 96)).astype(np.uint8)
    path = write_raster(tmp_path / "split.tif", codes[None], grid)
    masks = {
        name: write_raster(tmp_path / f"{name}.tif", (codes == code)[None].astype(np.uint8), grid)
        for name, code in (("train_mask", TRAIN), ("validation_mask", VALIDATION))
    }
    test = write_raster(tmp_path / "test.tif", (codes == TEST)[None].astype(np.uint8), grid)
    one = divide(labels, grid, SplitSettings(split="raster", split_raster=path), Said())
    several = SplitSettings(split="raster", test_mask=test, **masks)
    other = divide(labels, grid, several, Said())
    np.testing.assert_array_equal(one.codes, codes.ravel())
    np.testing.assert_array_equal(other.codes, codes.ravel())
    # With a buffer asked for, it is kept: of pixels drawn anywhere next to nothing is left.
    with pytest.raises(SplitError, match="BUFFER"):
        divide(labels, grid, SplitSettings(split="raster", split_raster=path, buffer=4), Said())


def test_small_classes_and_lone_pixels():
    labels = field_map(96, 3, 6)
    values = np.where((labels.rows == 0) & (labels.cols == 0), 4, labels.values)
    labels = labels_of(labels.rows, labels.cols, values)
    with pytest.raises(SplitError, match=r"'c4' has a single labelled pixel.*MIN_PER_CLASS 2"):
        divided(labels)
    division = divided(labels, min_per_class=2)
    assert [item.name for item in division.labels.classes] == ["c1", "c2", "c3"]
    assert any("c4 (1)" in note for note in division.notes)


def test_nothing_to_test_is_said_and_has_no_figures():
    labels = field_map(64)
    division = divided(labels, train_fraction=0.7, validation_fraction=0.3)
    found = findings(division, 9, Said())
    assert (found.location_only, found.inside, found.leaks) == (None, None, [])
    lonely = labels_of([0, 0, 0, 0], [0, 1, 2, 3], [1, 1, 2, 2])
    division = divided(lonely, block_size=1, buffer=5)
    assert any("No labelled pixel is left to test on" in text for text in division.warnings)


def test_what_leaks_is_said_in_plain_words():
    labels = field_map(96, 4, 12)
    random = findings(divided(labels, split="random", train_fraction=0.2), 9, Said())
    inside, alike = random.leaks
    assert "This split leaks: " in inside
    assert "9 x 9 patch of a training pixel" in inside
    assert "SPLIT 'blocks' and a BUFFER of 4 or more" in inside
    assert "nearest training pixel alone" in alike
    tight = findings(divided(labels, block_size=12, buffer=0), 9, Said())
    assert "Use a BUFFER of 4 or more" in tight.leaks[0]
    apart = findings(divided(labels, block_size=24, buffer=4), 9, Said())
    assert apart.leaks == []


def test_one_class_everywhere_is_no_leak():
    """Location alone is right for all pixels of the only class: that is not the split's fault."""
    labels = field_map(96, 1, 12)
    found = findings(divided(labels, block_size=24, buffer=4), 9, Said())
    assert found.location_only == 1.0
    assert found.leaks == []


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0.0 %"),
        (1e-6, "less than 0.1 %"),
        (0.437, "43.7 %"),
        (0.99999, "more than 99.9 %"),
        (1.0, "100.0 %"),
    ],
)
def test_a_leak_is_never_rounded_away(share, text):
    assert share_text(share) == text


def test_the_histogram_holds_every_test_pixel():
    rows = np.arange(500)
    labels = labels_of(rows, rows * 0, rows % 2 + 1)
    codes = np.where(rows < 2, TRAIN, TEST).astype(np.uint8)
    found = figures_of(labels, codes, 9, Said()).distances
    assert (found.least, found.most, sum(found.pixels)) == (1, 498, 498)
    assert found.edges[0] == 1
    assert found.edges[-1] > 498
    assert len(found.edges) == len(found.pixels) + 1 <= 42
    assert np.diff(found.edges).min() == np.diff(found.edges).max() == 13
    assert found.pixels[0] == 13


@pytest.mark.parametrize(
    ("given_settings", "words"),
    [
        ({"split": "stripes"}, "SPLIT is 'stripes'; choose one of blocks, polygons"),
        ({"split": "field"}, "SPLIT_FIELD is empty"),
        ({"split": "raster"}, "choose SPLIT_RASTER"),
        ({"split": "raster", "train_mask": "a.tif"}, "TRAIN_MASK and TEST_MASK"),
        (
            {"split": "raster", "split_raster": "s.tif", "test_mask": "a.tif"},
            "both SPLIT_RASTER and masks",
        ),
        ({"count_per_class": 200}, "COUNT_PER_CLASS is 200, but SPLIT is 'blocks'"),
        ({"k": 1}, "K is 1; there can be 2 to 100 folds"),
        ({"k": 101}, "K is 101"),
        ({"patch_size": 8}, "PATCH_SIZE is 8; .* such as 9"),
        ({"patch_size": -1}, "PATCH_SIZE is -1"),
        ({"block_size": 0}, "BLOCK_SIZE is 0"),
        ({"buffer": -1}, "BUFFER is -1"),
        ({"seed": 2**63}, "SEED is"),
    ],
)
def test_settings_that_cannot_work_are_refused(given_settings, words):
    with pytest.raises(InputError, match=words):
        SplitSettings(**given_settings).check()


@pytest.mark.parametrize("split", SPLITS)
def test_settings_that_can_work_pass(split):
    SplitSettings(split=split, split_field="f", split_raster="s.tif").check()
