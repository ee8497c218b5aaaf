from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hsicnn.core.data import discs
from hsicnn.core.data.discs import Claims, draw_discs
from hsicnn.core.data.labels import read_labels
from hsicnn.core.errors import Cancelled, LabelError
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import Said, make_grid, write_layer


def points_at(rows, cols, members):
    count = len(rows)
    columns = [rows, cols, members, np.arange(1, count + 1), np.ones(count)]
    return Claims(*(np.asarray(column).astype(np.int32) for column in columns))


def plainly(points, grid, radius):
    """For each pixel the classes, the first point and how many claim it, one by one."""
    found = {}
    for row, col, member, group in zip(points.rows, points.cols, points.members, points.groups):
        for i in range(max(row - radius, 0), min(row + radius + 1, grid.height)):
            for j in range(max(col - radius, 0), min(col + radius + 1, grid.width)):
                if (i - row) ** 2 + (j - col) ** 2 <= radius**2:
                    found.setdefault((i, j), []).append((int(member), int(group)))
    return found


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 40), st.integers(5, 40))
def test_discs_are_those_drawn_one_by_one(seed, radius, count, tile):
    random = np.random.default_rng(seed)
    grid = make_grid(31, 47)
    rows, cols = random.integers(0, 31, count), random.integers(0, 47, count)
    points = points_at(rows, cols, random.integers(0, 3, count))
    before, discs._TILE = discs._TILE, tile
    try:
        drawn = draw_discs(points, grid, radius, "layer", Said())
    finally:
        discs._TILE = before
    found = {}
    for row, col, *rest in zip(*(getattr(drawn, name).tolist() for name in vars(drawn))):
        found.setdefault((row, col), []).append(rest)
    expected = plainly(points, grid, radius)
    assert set(found) == set(expected)
    for place, claims in expected.items():
        members = [member for member, _ in claims]
        if len(set(members)) == 1:
            assert found[place] == [[members[0], claims[0][1], len(claims)]]
        else:
            assert [claim[0] for claim in found[place]] == [min(members), max(members)]


def test_labels_say_what_repeats_and_what_is_disputed_as_before(tmp_path):
    random = np.random.default_rng(4)
    grid = make_grid(40, 50)
    where = [(int(random.integers(40)), int(random.integers(50)), "abc"[k % 3]) for k in range(60)]
    features = [
        (f"POINT({500_005 + col * 10} {5_799_995 - row * 10})", {"class": name})
        for row, col, name in where
    ]
    x, y = 500_000, 5_800_000
    box = f"POLYGON(({x} {y},{x + 150} {y},{x + 150} {y - 150},{x} {y - 150},{x} {y}))"
    path = write_layer(tmp_path / "l.gpkg", [(box, {"class": "a"}), *features])
    labels = read_labels(path, grid, field="class", point_buffer=2, progress=Said())
    rows, cols, names = zip(*where)
    expected = plainly(points_at(rows, cols, ["abc".index(name) for name in names]), grid, 2)
    for i in range(15):
        for j in range(15):
            expected.setdefault((i, j), []).insert(0, (0, 0))
    agreed = {k: v for k, v in expected.items() if len({member for member, _ in v}) == 1}
    got = zip(labels.rows.tolist(), labels.cols.tolist(), labels.values.tolist(), labels.groups)
    # Groups: the polygon is the first feature, the points follow it.
    assert {(r, c): (v - 1, g - 1) for r, c, v, g in got} == {k: v[0] for k, v in agreed.items()}
    counts = labels.asides.counts
    assert counts["conflict"] == len(expected) - len(agreed) > 0
    assert counts["repeat"] == sum(len(claims) - 1 for claims in agreed.values()) > 0


def test_memory_follows_the_pixels_and_not_the_points():
    random = np.random.default_rng(0)
    count, side = 10_000, 300
    places = random.integers(0, side, (2, count))
    points = points_at(*places, random.integers(0, 3, count))
    tracemalloc.start()
    try:
        drawn = draw_discs(points, make_grid(side, side), 10, "layer", Said())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(drawn) <= 2 * side**2
    assert peak < 200 * side**2  # 18 MB; all discs have 3 million pixels: 48 MB in 16 bytes each


def test_what_cannot_be_held_is_refused_with_numbers(monkeypatch):
    monkeypatch.setattr(discs, "MOST_LABELS", 500)
    points = points_at([20, 20, 90], [20, 21, 90], [0, 0, 1])
    grid = make_grid(100, 100)
    assert len(draw_discs(points, grid, 8, "plots", Said())) <= 500
    with pytest.raises(LabelError, match=r"POINT_BUFFER 20 the 3 points of plots .* 500 pixels"):
        draw_discs(points, grid, 20, "plots", Said())


def test_drawing_can_be_cancelled():
    points = points_at([5] * 3000, [5] * 3000, [0] * 3000)
    said = Said(cancel_after=5)
    with pytest.raises(Cancelled):
        draw_discs(points, make_grid(100, 100), 30, "plots", said)
