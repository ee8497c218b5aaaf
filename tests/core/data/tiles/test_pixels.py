from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hsicnn.core.data.chips import read_chip_set
from hsicnn.core.data.tiles import pixels as module
from hsicnn.core.data.tiles.pixels import EachOnce, joined, pixels_of, read_tile_pixels
from hsicnn.core.data.tiles.place import TilePlace, depths
from hypothesis import given, settings
from hypothesis import strategies as st

from ..conftest import Said

NAMES = ("tile", "flat", "row", "col", "label", "depth")


def parts_of(random, count, size, reach, angles=(0.0, 30.0, 45.0, 90.0)):
    """Pixels of overlapping and turned tiles; a label goes by the place in the source."""
    parts = []
    for number in range(count):
        row, col = random.integers(5, 5 + reach, 2).tolist()
        place = TilePlace(row, col, size, float(random.choice(angles)))
        flat = np.flatnonzero(random.random(size * size) < 0.6)
        rows, cols = (axis.reshape(-1)[flat] for axis in place.pixels())
        parts.append(pixels_of(number, place, flat, ((rows + cols) % 5 + 1).astype(np.uint16)))
    return parts


def gathered(parts):
    each = EachOnce()
    for part in parts:
        each.add(part)
    return each.result()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(2, 9), st.integers(1, 20),
    st.sampled_from([1, 7, 40, 10**6]),
)  # fmt: skip
def test_pixels_gathered_on_the_way_are_those_of_all_at_once(seed, count, size, reach, least):
    parts = parts_of(np.random.default_rng(seed), count, size, reach)
    before, module._LEAST = module._LEAST, least
    try:
        found = gathered(parts)
    finally:
        module._LEAST = before
    expected = joined(parts).each_once()
    for name in NAMES:
        one, other = getattr(found, name), getattr(expected, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_a_pixel_stays_where_it_lies_deepest(monkeypatch):
    monkeypatch.setattr(module, "_LEAST", 20)
    parts = parts_of(np.random.default_rng(1), 25, 7, 9)
    found = gathered(parts)
    best = {}
    for part in parts:
        columns = (getattr(part, name).tolist() for name in NAMES)
        for tile, flat, row, col, label, depth in zip(*columns):
            if depth > best.get((row, col), (-1,))[0]:
                best[row, col] = (depth, tile, flat, label)
    names = ("row", "col", "depth", "tile", "flat", "label")
    rows = zip(*(getattr(found, name).tolist() for name in names))
    assert {(row, col): tuple(rest) for row, col, *rest in rows} == best
    assert (found.depth == depths(7).reshape(-1)[found.flat]).all()


@pytest.mark.parametrize("copies", [4, 40])
def test_memory_follows_the_pixels_and_not_their_copies(monkeypatch, copies):
    monkeypatch.setattr(module, "_LEAST", 1 << 12)
    size = 150
    flat, each = np.arange(size**2), EachOnce()
    label = np.ones(size**2, dtype=np.uint16)
    tracemalloc.start()
    try:
        for number in range(copies):
            each.add(pixels_of(number, TilePlace(number % 7, number % 5, size), flat, label))
        found = each.result()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) < 1.1 * size**2
    assert peak < 250 * size**2  # of 40 copies all at once: 3,200


def test_reading_a_set_gives_the_same_whatever_is_kept_waiting(place, monkeypatch):
    info = read_chip_set(place.export("waiting", stride=4, rotation=45, buffer=0).output)
    whole = read_tile_pixels(info, Said())
    monkeypatch.setattr(module, "_LEAST", 100)
    small = read_tile_pixels(info, Said())
    for name in NAMES:
        np.testing.assert_array_equal(getattr(small, name), getattr(whole, name))
