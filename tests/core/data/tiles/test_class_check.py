"""No class loses what it trains or is tested on without a word."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.errors import SplitError

from ..conftest import Said, write_raster


def river_and_fields(place):
    """A river across the image, one polygon, and fields of two classes beside it."""
    squares = [("river", (0, 38, 96, 40))]
    for row in range(0, 96, 8):
        for col in range(0, 80, 8):
            kind, right = "AB"[(row // 8 + col // 8) % 2], col + (6 if col == 32 else 7)
            squares.append((kind, (row + 1, col + 1, row + 7, right)))
    return place.squares("river.gpkg", squares)


def test_a_class_of_one_polygon_is_told_or_refused(place):
    given = {
        "reference": river_and_fields(place), "field": "class", "split": "polygons", "buffer": 0,
        "validation_fraction": 0.2,
    }  # fmt: skip
    told, refused = 0, []
    for seed in range(8):
        for share in (0.3, 0.6):
            said = Said()
            try:
                info = read_chip_set(
                    place.export(
                        "river", seed=seed, train_fraction=share, progress=said, **given
                    ).output
                )
            except SplitError as error:
                refused.append(str(error))
                continue
            counts = {
                name: row[[item.name for item in info.classes].index("river")]
                for name, row in info.counts.items()
            }
            assert counts["train"]
            assert not counts["test"]
            text = next(text for text in said.warnings if "Class 'river'" in text)
            assert f"({counts['train']:,} labelled pixels)" in text
            assert "validation and test figures cannot be known" in text
            told += 1
    assert told
    assert refused
    assert all("'river' is left to train on" in text for text in refused)


def test_pixels_that_deeper_tiles_of_another_split_take_are_not_counted(place):
    """A class in the overlap of random tiles: what is refused and told goes by its pixels."""
    labels = np.kron(np.array([[1, 2] * 5] * 12), np.ones((8, 8), int)).astype(np.uint8)
    labels[40:42, 40:42] = 3
    path = write_raster(place.folder / "overlap.tif", labels[None], place.grid)
    outcomes = set()
    for seed in range(12):
        given = {"reference": path, "split": "random", "buffer": 0, "stride": 4, "seed": seed}
        said = Said()
        try:
            info = read_chip_set(place.export("overlap", progress=said, **given).output)
        except SplitError as error:
            outcomes.add("farthest from the edge" in str(error))
            continue
        train, test = info.counts["train"][2], info.counts["test"][2]
        assert train
        text = next(text for text in said.warnings if f"Class '{info.classes[2].name}'" in text)
        assert f"for train ({train:,} labelled pixels)" in text
        assert ("test figures cannot be known" in text) == (not test)
        outcomes.add("told")
    assert outcomes == {True, "told"}


@pytest.mark.parametrize("split", ["blocks", "random"])
def test_scenes_are_counted_without_their_copies(place, split):
    said = Said()
    given = {"kind": "scenes", "split": split, "rotation": 90, "buffer": 0, "progress": said}
    small = {"stride": 24, "block_size": 8}
    info = read_chip_set(place.export("few", **given, **small).output)
    plain = [tile for tile in info.tiles.tiles if not tile.place.angle and tile.split == "train"]
    for value, item in enumerate(info.classes, 1):
        have = sum(tile.value == value for tile in plain)
        if have < 10:
            assert any(
                f"'{item.name}' has few scenes: {have} for train" in w for w in said.warnings
            )
