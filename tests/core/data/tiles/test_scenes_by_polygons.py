"""Scenes divided by polygons: what decides a class in training decides none in the test."""

from __future__ import annotations

import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set


@pytest.mark.parametrize("label", ["majority", "centre"])
def test_hedges_between_fields_stay_in_one_split(place, label):
    """Long narrow polygons beside large ones: written scenes, by the polygons on the ground."""
    squares = []
    for row in range(0, 96, 16):
        squares.append(("hedge", (row + 6, 0, row + 9, 80)))
        squares += [("field", (row, col + 1, row + 6, col + 15)) for col in range(0, 80, 16)]
    path = place.squares(f"hedges_{label}.gpkg", squares)
    polygons = np.zeros((96, 80), int)
    for number, (_, (top, left, bottom, right)) in enumerate(squares, 1):
        polygons[top:bottom, left:right] = number
    info = read_chip_set(
        place.export(
            "hedges", reference=path, field="class", kind="scenes", split="polygons", buffer=0,
            stride=4, scene_label=label,
        ).output
    )  # fmt: skip
    names = [item.name for item in info.classes]
    splits = {}
    for tile in info.tiles.tiles:
        if label == "centre":
            number = polygons[tile.place.middle]
        else:
            number = tile.group  # the largest of its class
            window = tile.place.window
            there = polygons[window.rows, window.cols]
            own = [
                n for n in np.unique(there[there > 0]) if squares[n - 1][0] == names[tile.value - 1]
            ]
            assert number == max(own, key=lambda n: ((there == n).sum(), -n))
        assert squares[number - 1][0] == names[tile.value - 1]
        splits.setdefault(int(number), set()).add(tile.split)
    assert {"train", "test"} <= set().union(*splits.values())
    assert all(len(parts) == 1 for parts in splits.values())
