"""How samples are divided into folds."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hsicnn.core.crossvalidation.doubts import doubts, training_of
from hsicnn.core.crossvalidation.folds import divide, fold_set
from hsicnn.core.crossvalidation.settings import CrossValidationSettings
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.folds import buffered_training, spatial_folds
from hsicnn.core.data.pixel_loading import load_pixels
from hsicnn.core.data.separation import SPLIT_NAMES, TEST, TRAIN, UNUSED, VALIDATION
from hsicnn.core.errors import InputError, SplitError
from hsicnn.core.progress import SilentProgress
from hsicnn.core.splitting.split_reference import split_reference

QUIET = SilentProgress()


def load(folder, radius=0):
    info = read_chip_set(folder)
    return info, load_pixels(info, memory_bytes=1 << 30, progress=QUIET, radius=radius)


@pytest.fixture(scope="module")
def pixels(small):
    return load(small / "chips")


def divided(given, seed=3, **settings):
    wanted = CrossValidationSettings(**settings)
    wanted.check()
    return divide(*given, wanted, seed, QUIET)


def test_spatial_folds_are_those_of_hand(pixels):
    info, store = pixels
    folds = divided(pixels, k=3, block_size=12, buffer=5)
    expected = spatial_folds(store.row, store.col, store.label.astype(int), 3, 12, 3, buffer=5)
    np.testing.assert_array_equal(folds.fold, expected + 1)
    tested = np.zeros(len(store), int)
    for number in (1, 2, 3):
        own, samples = fold_set(info, store, folds, number)
        training = buffered_training(expected, number - 1, store.row, store.col, 5)
        np.testing.assert_array_equal(samples.split == TRAIN, training)
        np.testing.assert_array_equal(samples.split == TEST, expected == number - 1)
        tested += samples.split == TEST
        for name, code in zip(SPLIT_NAMES, (UNUSED, TRAIN, VALIDATION, TEST)):
            assert sum(own.counts[name]) == int((samples.split == code).sum())
        assert own.hash != info.hash
    assert (tested == 1).all()


def test_what_the_buffer_takes_is_said_of_each_fold(pixels):
    info, store = pixels
    folds = divided(pixels, k=3, block_size=12, buffer=5)
    (told,) = (note for note in folds.notes if note.startswith("Too near to the held-out fold"))
    assert "(buffer 5 pixels)" in told
    for number in (1, 2, 3):
        others = int((folds.fold != number).sum())
        left = int((fold_set(info, store, folds, number)[1].split == TRAIN).sum())
        share = f"{(others - left) / others:.0%}"
        assert f"fold {number}: {others - left:,} of {others:,} ({share})" in told
    assert not any("Too near" in note for note in divided(pixels, k=3, buffer=0).notes)


def test_a_buffer_that_takes_much_is_warned_of(pixels):
    calm = divided(pixels, k=2, block_size=16, buffer=1)
    assert not any("The buffer of" in text for text in calm.warnings)
    folds = divided(pixels, k=2, block_size=8, buffer=14)
    (told,) = (text for text in folds.warnings if "The buffer of" in text)
    assert told.startswith("The buffer of 14 pixels takes ")
    assert "A BLOCK_SIZE larger than 8, or a smaller BUFFER, keeps more of them." in told


def test_a_class_that_the_buffer_leaves_nothing_to_train_on_is_told(pixels):
    info, store = pixels
    label = np.ones_like(store.label)
    label[(store.row > 20) & (store.row < 40) & np.isin(store.col, (31, 32))] = 2
    label[store.row > 60] = 3
    own = dataclasses.replace(store, label=label)
    folds = divided((info, own), k=2, block_size=32, buffer=4)
    # Both folds hold class 2 in the columns 31 and 32, each within the buffer of the other.
    folds = dataclasses.replace(folds, fold=np.where(store.col < 32, 1, 2))
    told = doubts(info, folds, training_of(own, folds, len(info.classes)))
    name = info.classes[1].name
    assert any(
        f"Class '{name}' has no training pixel left while fold 1, 2 is held out" in text
        for text in told
    )


def test_blocks_of_tiles_are_several_tiles_wide_where_nobody_says(small):
    info, store = load(small / "tiles", 1)
    size = info.tiles.size
    folds = divided((info, store), k=2)
    assert folds.block_size == 3 * size
    assert any(f"BLOCK_SIZE is {3 * size} pixels, 3 tiles" in note for note in folds.notes)
    assert divided((info, store), k=2, block_size=size).block_size == size
    # For more folds these would be too few.
    assert divided((info, store), k=3).block_size == 2 * size


def test_the_block_size_is_that_of_the_set_or_is_chosen(pixels):
    info, store = pixels
    assert divided(pixels, k=2).block_size == info.block_size
    blind = dataclasses.replace(info, block_size=0)
    chosen = divided((blind, store), k=2)
    assert chosen.block_size >= 1
    assert any("BLOCK_SIZE is" in note for note in chosen.notes)


def test_stratified_folds_have_every_class_alike_and_say_that_they_leak(pixels):
    _, store = pixels
    folds = divided(pixels, method="stratified", k=4)
    table = np.array([np.bincount(store.label[folds.fold == n], minlength=4)[1:]
                      for n in range(1, 5)])  # fmt: skip
    assert (np.ptp(table, axis=0) <= 1).all()
    assert np.ptp(table.sum(1)) <= 1
    assert any("neighbours of held-out pixels were trained on" in t for t in folds.warnings)
    again = divided(pixels, method="stratified", k=4)
    np.testing.assert_array_equal(folds.fold, again.fold)
    assert (folds.fold != divided(pixels, seed=4, method="stratified", k=4).fold).any()


@pytest.mark.parametrize(("method", "buffer"), [("spatial", 3), ("stratified", 0)])
def test_a_share_is_held_back_for_validation(pixels, method, buffer):
    info, store = pixels
    given = {"method": method, "k": 3, "buffer": buffer, "block_size": 8}
    folds = divided(pixels, validation_fraction=0.25, **given)
    plain = divided(pixels, **given)
    for number in (1, 2, 3):
        _, samples = fold_set(info, store, folds, number)
        _, before = fold_set(info, store, plain, number)
        np.testing.assert_array_equal(samples.split == TEST, before.split == TEST)
        held = samples.split == VALIDATION
        assert held.any()
        assert not (held & (before.split == TEST)).any()
        rows, cols = store.row.astype(int), store.col.astype(int)
        train = samples.split == TRAIN
        gap = np.maximum(
            abs(rows[train][:, None] - rows[held]), abs(cols[train][:, None] - cols[held])
        )
        assert gap.min() > buffer
    share = held.sum() / (before.split == TRAIN).sum()
    assert 0.1 < share < 0.4


def test_tiles_are_divided_whole_and_never_overlap_their_test(small):
    info, store = load(small / "tiles", 1)
    folds = divided((info, store), k=2)
    assert folds.block_size >= 8
    own, samples = fold_set(info, store, folds, 1)
    codes = {name: code for code, name in enumerate(SPLIT_NAMES)}
    tile_of = store.index // 64
    named = np.array([codes[tile.split] for tile in own.tiles.tiles])
    np.testing.assert_array_equal(named[tile_of], samples.split)
    corners = np.array([(t.place.row, t.place.col) for t in own.tiles.tiles])
    gap = abs(corners[named == TRAIN][:, None] - corners[named == TEST]).max(2).min()
    assert gap > 7 + 4  # no pixel of one is a pixel of the other, nor within the buffer
    drawn = divided((info, store), method="stratified", k=2, buffer=0)
    by_place = {}
    for tile, fold in zip(drawn.units.unit, drawn.fold):  # turned copies too
        by_place.setdefault(info.tiles.tiles[tile].place.middle, set()).add(fold)
    assert all(len(found) == 1 for found in by_place.values())
    assert {1, 2} == set().union(*by_place.values())
    with pytest.raises(InputError, match=r"tiles that overlap .* STRIDE of their TILE_SIZE \(8\)"):
        fold_set(info, store, drawn, 2)


def test_groups_stay_together(pixels):
    info, store = pixels
    folds = divided(pixels, method="groups", k=3, buffer=0)
    for group in np.unique(store.group):
        assert len(np.unique(folds.fold[store.group == group])) == 1
    alone = dataclasses.replace(store, group=np.zeros(len(store), np.int32))
    with pytest.raises(InputError, match="has no groups: its split is 'blocks'"):
        divided((info, alone), method="groups", k=3)


def test_folds_of_a_raster(small, pixels, tmp_path):
    info, store = pixels
    path = str(tmp_path / "folds.tif")
    split_reference(reference=str(small / "reference.tif"), output=path, split="folds", k=3)
    folds = divided(pixels, method="raster", folds=path)
    from hsicnn.core.raster.source import RasterSource
    from hsicnn.core.raster.windows import Window

    with RasterSource(path) as raster:
        values, _ = raster.read_raw(Window(0, 0, 64, 64), [0])
    np.testing.assert_array_equal(folds.fold, values[0][store.row, store.col])
    assert folds.k == 3
    parts = str(tmp_path / "parts.tif")
    split_reference(reference=str(small / "reference.tif"), output=parts, split="blocks")
    with pytest.raises(SplitError, match=r"parts\.tif holds training, validation and test"):
        divided(pixels, method="raster", folds=parts)
    del info


def test_a_class_in_one_fold_only_is_told(pixels):
    info, store = pixels
    label = np.ones_like(store.label)
    first = store.row < 8
    label[first & (store.col < 8)] = 2
    label[store.row > 30] = 3
    folds = divided((info, dataclasses.replace(store, label=label)), k=3, block_size=16)
    name = info.classes[1].name
    assert any(f"Class '{name}' is in one fold only" in text for text in folds.warnings)


WRONG = [
    ({"k": 3, "block_size": 40}, "3 folds were asked for and the labels lie in"),
    ({"method": "loo"}, "METHOD is 'loo'; choose one of spatial, stratified"),
    ({"k": 1}, "K is 1; there can be 2 to"),
    ({"validation_fraction": 0.9}, "VALIDATION_FRACTION is 0.9"),
    ({"buffer": -1}, "BUFFER is -1"),
    ({"block_size": 0}, "BLOCK_SIZE is 0"),
    ({"folds": "x.tif"}, "METHOD 'raster' takes a raster of folds"),
    ({"method": "raster"}, "METHOD 'raster' takes a raster of folds"),
]


@pytest.mark.parametrize(("settings", "said"), WRONG)
def test_what_cannot_be_is_refused(pixels, settings, said):
    small_set = pixels
    if settings.get("block_size") == 40:
        _, store = pixels
        near = np.flatnonzero((store.row < 39) & (store.col < 39))
        small_set = (pixels[0], store.part(near, store.halo))
    with pytest.raises(InputError, match=said):
        divided(small_set, **settings)


def test_a_buffer_that_leaves_nothing_is_told(pixels):
    info, store = pixels
    folds = divided(pixels, k=2, block_size=8, buffer=60)
    with pytest.raises(InputError, match="Fold 1 of 2 has nothing to train on"):
        fold_set(info, store, folds, 1)


def test_samples_without_a_place_are_only_drawn(pixels):
    info, store = pixels
    nowhere = dataclasses.replace(info, placed=False)
    with pytest.raises(InputError, match="have no place on a raster: folds cannot be 'spatial'"):
        divided((nowhere, store), k=3)
    folds = divided((nowhere, store), k=3, method="stratified", buffer=9)
    assert folds.buffer == 0
    assert not folds.warnings
