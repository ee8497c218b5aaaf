from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.classes import make_classes
from hsicnn.core.data.fixed_split import split_named
from hsicnn.core.data.labels import Labels
from hsicnn.core.data.separation import keep_apart
from hsicnn.core.data.split_notes import thin_classes
from hsicnn.core.data.splits import (
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    cap_training,
    split_blocks,
    split_polygons,
    split_random,
)
from hsicnn.core.errors import InputError, SplitError
from hypothesis import given, settings
from hypothesis import strategies as st

SHARES = {"train_fraction": 0.6, "validation_fraction": 0.2}


def labels_of(rows, cols, values, groups=None, group_names=()):
    values = np.asarray(values, dtype=np.uint16)
    codes = list(range(1, int(values.max(initial=0)) + 1))
    return Labels(
        np.asarray(rows, dtype=np.int32),
        np.asarray(cols, dtype=np.int32),
        values,
        make_classes(codes, [f"c{code}" for code in codes], []),
        np.zeros(len(values), dtype=np.int32) if groups is None else np.asarray(groups, np.int32),
        (),
        tuple(group_names),
    )


def field_map(size=96, classes=4, patch=6, seed=0):
    """A map of square fields, every pixel labelled."""
    small = np.random.default_rng(seed).integers(1, classes + 1, (size // patch, size // patch))
    full = np.kron(small, np.ones((patch, patch), dtype=int))
    rows, cols = np.indices(full.shape)
    return labels_of(rows.ravel(), cols.ravel(), full.ravel())


def smallest_distance(labels, one, other):
    rows, cols = labels.rows.astype(int), labels.cols.astype(int)
    down = np.abs(rows[one][:, None] - rows[other][None])
    right = np.abs(cols[one][:, None] - cols[other][None])
    return np.maximum(down, right).min(initial=10**9)


pixels = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=80, unique=True
)


@settings(max_examples=60)
@given(pixels, st.integers(0, 6), st.randoms(use_true_random=False))
def test_splits_are_kept_more_than_the_buffer_apart_and_nothing_else_is_dropped(
    places, buffer, random
):
    rows, cols = np.array(places, dtype=np.int32).T
    codes = np.array([random.randint(0, 3) for _ in places], dtype=np.uint8)
    kept = keep_apart(codes, rows, cols, buffer)
    labels = labels_of(rows, cols, np.ones(len(rows)))
    for one, other in ((TRAIN, TEST), (TRAIN, VALIDATION), (VALIDATION, TEST)):
        assert smallest_distance(labels, kept == one, kept == other) > buffer or buffer == 0
    assert np.isin(kept, (UNUSED,)).sum() >= (codes == UNUSED).sum()
    np.testing.assert_array_equal(kept[codes == TEST], TEST)
    # What was dropped was indeed too near to something stronger that stayed.
    for index in np.flatnonzero(kept != codes):
        stronger = (TEST,) if codes[index] == VALIDATION else (VALIDATION, TEST)
        mask = np.zeros(len(codes), dtype=bool)
        mask[index] = True
        assert smallest_distance(labels, mask, np.isin(kept, stronger)) <= buffer


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([0, 3]))
def test_every_class_is_in_every_split_where_its_blocks_allow(seed, classes, buffer):
    labels = field_map(size=64, classes=classes, patch=4, seed=seed % 50)
    split = split_blocks(labels, block_size=16, buffer=buffer, seed=seed, **SHARES)
    blocks = [len(np.unique(split.groups[labels.values == v])) for v in range(1, classes + 1)]
    for code in (TRAIN, VALIDATION, TEST):
        counts = np.bincount(labels.values[split.codes == code], minlength=classes + 1)[1:]
        assert all(count > 0 for count, n in zip(counts, blocks) if n >= 3)
    for first, second in ((TRAIN, VALIDATION), (TRAIN, TEST), (VALIDATION, TEST)):
        apart = smallest_distance(labels, split.codes == first, split.codes == second)
        assert apart > buffer


def test_shares_of_blocks_are_near_those_asked_for():
    labels = field_map()
    split = split_blocks(labels, block_size=8, buffer=0, seed=3, **SHARES)
    for code, share in ((TRAIN, 0.6), (VALIDATION, 0.2), (TEST, 0.2)):
        for value in (1, 2, 3, 4):
            own = labels.values == value
            assert (split.codes[own] == code).mean() == pytest.approx(share, abs=0.02)


def test_a_block_is_never_divided():
    split = split_blocks(field_map(), block_size=16, buffer=0, seed=1, **SHARES)
    for block in np.unique(split.groups):
        assert len(np.unique(split.codes[split.groups == block])) == 1


def test_the_seed_decides_and_only_the_seed():
    labels = field_map()
    first, again, other = (
        split_blocks(labels, block_size=16, buffer=2, seed=seed, **SHARES).codes
        for seed in (5, 5, 0)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_class_of_two_blocks_trains_and_tests():
    rows = np.concatenate([np.repeat(np.arange(0, 160, 20), 8), [2, 142]])
    cols = np.concatenate([np.tile(np.arange(0, 160, 20), 8), [2, 142]])
    values = [*([1] * 64), 2, 2]
    labels = labels_of(rows, cols, values)
    split = split_blocks(labels, block_size=20, buffer=0, seed=1, **SHARES)
    assert sorted(split.codes[labels.values == 2]) == [TRAIN, TEST]
    (warning,) = [line for line in thin_classes(labels, split.codes) if "'c2'" in line]
    assert "1 for train, 0 for validation, 1 for test" in warning


def test_a_class_of_one_block_trains_and_is_named():
    labels = labels_of([*range(0, 100, 10), 1], [*range(0, 100, 10), 1], [1] * 10 + [2])
    split = split_blocks(labels, block_size=10, buffer=0, seed=1, **SHARES)
    assert split.codes[-1] == TRAIN
    (warning,) = [line for line in thin_classes(labels, split.codes) if "'c2'" in line]
    assert "validation and test" in warning


def test_a_class_without_training_pixels_is_an_error_that_names_it():
    labels = labels_of([0] * 40, range(40), [1] * 39 + [2])
    with pytest.raises(SplitError, match=r"BUFFER"):
        split_blocks(labels, block_size=1, buffer=50, seed=1, **SHARES)


def test_few_blocks_that_a_buffer_cannot_part_all_train():
    """That nothing is left to test on is said by the export."""
    labels = labels_of([0, 0, 0, 0], [0, 1, 2, 3], [1, 1, 1, 2])
    split = split_blocks(labels, block_size=1, buffer=5, seed=1, **SHARES)
    assert split.counts(labels.values, 2)["train"] == [3, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("block_size", 0),
        ("buffer", -1),
        ("train_fraction", 0.0),
        ("train_fraction", 0.9),
        ("validation_fraction", -0.1),
        ("validation_fraction", 1.0),
    ],
)
def test_impossible_settings_are_refused(name, value):
    given_settings = {"block_size": 8, "buffer": 0, "seed": 1, **SHARES, name: value}
    with pytest.raises(InputError):
        split_blocks(field_map(), **given_settings)


def test_no_test_share_leaves_no_test_pixels():
    split = split_blocks(
        field_map(), block_size=8, buffer=0, seed=1, train_fraction=0.7, validation_fraction=0.3
    )
    assert not (split.codes == TEST).any()
    assert thin_classes(field_map(), split.codes) == ()


@settings(max_examples=40)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=200), st.integers(0, 99))
def test_random_draws_are_stratified(values, seed):
    values = np.array(values)
    values = np.unique(values, return_inverse=True)[1] + 1
    labels = labels_of(np.arange(len(values)), np.zeros(len(values)), values)
    split = split_random(labels, seed=seed, **SHARES)
    for value in np.unique(values):
        codes = split.codes[values == value]
        counts = np.bincount(codes, minlength=4)
        assert counts[UNUSED] == 0
        assert counts[TRAIN] >= 1
        if len(codes) >= 3:
            assert counts[VALIDATION] >= 1
            assert counts[TEST] >= 1
        assert abs(counts[TRAIN] - 0.6 * len(codes)) <= 1
        assert abs(counts[VALIDATION] - 0.2 * len(codes)) <= 1


@settings(max_examples=40)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=5), st.integers(1, 60), st.integers(0, 99))
def test_a_count_per_class_is_exact_where_the_class_has_more(sizes, count, seed):
    values = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    labels = labels_of(np.arange(len(values)), np.zeros(len(values)), values)
    split = split_random(labels, seed=seed, count_per_class=count, **SHARES)
    short = [f"'c{value}'" for value, size in enumerate(sizes, 1) if size <= count]
    assert all(name in " ".join(split.notes) for name in short)
    assert bool(split.notes) == bool(short)
    for value, size in enumerate(sizes, 1):
        counts = np.bincount(split.codes[values == value], minlength=4)
        assert counts[UNUSED] == 0
        if size > count:
            rest = size - count
            assert counts[TRAIN] == count
            assert counts[TEST] >= 1
            assert counts[VALIDATION] == min(max(round(0.2 * rest), 1), rest - 1)
        else:  # as if no count had been asked for
            plain = split_random(labels, seed=seed, **SHARES).codes[values == value]
            np.testing.assert_array_equal(counts, np.bincount(plain, minlength=4))


def test_counts_are_reproduced_by_the_seed():
    labels = field_map()
    one, again, other = (
        split_random(labels, seed=seed, count_per_class=200, **SHARES).codes for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()
    with pytest.raises(InputError, match="COUNT_PER_CLASS"):
        split_random(labels, seed=1, count_per_class=-1, **SHARES)


def test_too_many_groups_are_refused(monkeypatch):
    from hsicnn.core.data import splits

    monkeypatch.setattr(splits, "_MOST_GROUPS", 30)
    with pytest.raises(SplitError, match=r"36 blocks, polygons or patches .* at most 30"):
        split_blocks(field_map(), block_size=16, buffer=0, seed=1, **SHARES)


def test_polygons_stay_whole():
    groups = np.repeat(np.arange(1, 31), 5)
    labels = labels_of(np.arange(150), np.zeros(150), groups % 3 + 1, groups)
    split = split_polygons(labels, buffer=0, seed=1, **SHARES)
    for group in range(1, 31):
        assert len(np.unique(split.codes[groups == group])) == 1
    assert set(split.codes) == {TRAIN, VALIDATION, TEST}


def test_polygons_of_a_raster_are_an_error():
    with pytest.raises(SplitError, match="raster"):
        split_polygons(field_map(), buffer=0, seed=1, **SHARES)


@pytest.mark.parametrize(("lacking", "other"), [("train", "test"), ("test", "train")])
def test_a_class_that_the_field_leaves_without_a_split_is_named(lacking, other):
    names = [other if value == 2 else word for value in (1, 2) for word in ("train", "test")]
    kinds = sorted(set(names))
    groups = [kinds.index(name) + 1 for name in names]
    labels = labels_of(range(4), [0] * 4, [1, 1, 2, 2], groups, kinds)
    with pytest.raises(
        SplitError, match=rf"SPLIT_FIELD gives the class 'c2' no pixel for {lacking}"
    ):
        split_named(labels, buffer=0, seed=1)


def test_a_field_without_the_word_test_tests_nothing():
    labels = labels_of(range(2), [0] * 2, [1, 2], [1, 1], ("train",))
    assert split_named(labels, buffer=0, seed=1).codes.tolist() == [TRAIN, TRAIN]


def test_named_splits_are_taken_as_they_are():
    groups = np.array([1, 1, 2, 3, 0])
    labels = labels_of(range(5), [0] * 5, [1] * 5, groups, ("Train", "test ", "val"))
    split = split_named(labels, buffer=0, seed=1)
    assert split.codes.tolist() == [TRAIN, TRAIN, TEST, VALIDATION, UNUSED]
    wrong = labels_of(range(5), [0] * 5, [1] * 5, groups, ("Train", "north", "val"))
    with pytest.raises(SplitError, match="north"):
        split_named(wrong, buffer=0, seed=1)


def test_cap_leaves_out_training_pixels_only():
    labels = field_map()
    split = split_blocks(labels, block_size=8, buffer=0, seed=3, **SHARES)
    capped = cap_training(split, labels.values, 50)
    for value in (1, 2, 3, 4):
        own = labels.values == value
        assert (capped.codes[own] == TRAIN).sum() == 50
        for code in (VALIDATION, TEST):
            assert (capped.codes[own] == code).sum() == (split.codes[own] == code).sum()
    assert cap_training(split, labels.values, 0) is split
    with pytest.raises(InputError):
        cap_training(split, labels.values, -1)


def test_counts_are_by_name_and_class():
    labels = labels_of([0, 9, 18], [0, 0, 0], [1, 2, 2])
    split = split_random(labels, train_fraction=1.0, validation_fraction=0.0, seed=1)
    assert split.counts(labels.values, 2) == {
        "unused": [0, 0],
        "train": [1, 2],
        "validation": [0, 0],
        "test": [0, 0],
    }


def test_labels_kept_are_renumbered_with_their_classes():
    labels = labels_of([0, 1, 2], [0, 0, 0], [1, 2, 3])
    kept = labels.keep(np.array([True, False, True]), "one dropped")
    assert kept.values.tolist() == [1, 2]
    assert [item.name for item in kept.classes] == ["c1", "c3"]
    assert kept.notes == ("one dropped",)
    assert kept.counts() == [1, 1]


@pytest.mark.parametrize(("buffer", "least"), [(4, 0.75), (8, 0.6), (12, 0.45)])
def test_blocks_of_the_enmap_scene_are_laid_out_so_that_the_buffer_takes_little(
    test_data, buffer, least
):
    # Blocks drawn at random would keep 63, 30 and 18 per cent of the training pixels.
    labels = raster_labels(test_data / "enmap_potsdam" / "enmap_potsdam_gt.tif")
    split = split_blocks(labels, block_size=16, buffer=buffer, seed=1, **SHARES)
    counts = split.counts(labels.values, 6)
    assert all(count > 0 for name in ("train", "validation", "test") for count in counts[name])
    assert sum(counts["train"]) >= least * 0.6 * 5672


def raster_labels(path):
    from osgeo import gdal

    dataset = gdal.Open(str(path))
    shape = (dataset.RasterYSize, dataset.RasterXSize)
    full = np.frombuffer(dataset.ReadRaster(buf_type=gdal.GDT_Byte), np.uint8).reshape(shape)
    rows, cols = np.nonzero(full)
    return labels_of(rows, cols, full[rows, cols])
