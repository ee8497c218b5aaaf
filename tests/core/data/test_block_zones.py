from __future__ import annotations

import itertools

import numpy as np
import pytest
from hsicnn.core.data.block_assignment import assign_blocks
from hsicnn.core.data.block_zones import Zones, whole_blocks, zones_of
from hsicnn.core.data.separation import keep_apart
from hypothesis import given, settings
from hypothesis import strategies as st


def zone_table(zones, parts, count):
    """Pixels by part and class after the buffer, zone by zone."""
    table = np.zeros((count, zones.counts.shape[1]), dtype=int)
    for zone, block in enumerate(zones.block):
        nearby = zones.near[zones.near[:, 0] == zone, 1]
        if all(parts[other] <= parts[block] for other in nearby):
            table[parts[block]] += zones.counts[zone]
    return table


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=4, max_size=80, unique=True
    ),
    st.integers(0, 9),
    st.integers(0, 10**6),
)
def test_zones_price_a_buffer_like_pixels_one_by_one(places, buffer, seed):
    random = np.random.default_rng(seed)
    rows, cols = np.array(places).T
    values = random.integers(1, 4, len(rows))
    member = np.unique(rows // 8 * 10 + cols // 8, return_inverse=True)[1]
    zones = zones_of(member, rows, cols, values, classes=3, buffer=buffer)
    np.testing.assert_array_equal(
        zones.block_counts(), whole_blocks(member, values, member.max() + 1, 3).counts
    )
    parts = random.choice([0, 2], member.max() + 1)  # training and test
    codes = keep_apart((parts[member] + 1).astype(np.uint8), rows, cols, buffer)
    expected = [[((codes == part) & (values == v)).sum() for v in (1, 2, 3)] for part in (1, 2, 3)]
    np.testing.assert_array_equal(zone_table(zones, parts, 3), expected)


def test_assignment_finds_the_only_division_with_every_class_everywhere():
    # Class 1 in blocks 0, 1, 2 only: each must go to another part.
    counts = np.zeros((12, 2), dtype=np.int64)
    counts[:, 1] = 10
    counts[[0, 1, 2], 0] = [8, 1, 1]
    member = np.repeat(np.arange(12), counts.sum(axis=1))
    values = np.concatenate([np.repeat([1, 2], row) for row in counts])
    zones = whole_blocks(member, values, 12, 2)
    for seed in range(5):
        parts = assign_blocks(zones, [0.6, 0.2, 0.2], np.random.default_rng(seed))[0]
        assert sorted(parts[:3]) == [0, 1, 2]


@pytest.mark.parametrize("shares", [[1.0], [0.8, 0.0, 0.2], [0.7, 0.3, 0.0]])
def test_parts_without_a_share_get_nothing(shares):
    zones = whole_blocks(np.arange(20), np.ones(20, dtype=int), 20, 1)
    for parts in assign_blocks(zones, shares, np.random.default_rng(1)):
        found = np.bincount(parts, minlength=len(shares)) / 20
        np.testing.assert_allclose(found, shares, atol=0.051)


def test_many_blocks_are_divided_in_shares():
    random = np.random.default_rng(1)
    member = np.arange(20_000) % 5000
    zones = whole_blocks(member, random.integers(1, 6, 20_000), 5000, 5)
    parts = assign_blocks(zones, [0.6, 0.2, 0.2], random)[0]
    for value in range(5):
        share = zones.counts[parts == 0, value].sum() / zones.counts[:, value].sum()
        assert share == pytest.approx(0.6, abs=0.01)


def price_of(zones, parts, shares):
    """What a division costs, zone by zone: classes missing from parts, and imbalance."""
    left = zone_table(zones, parts, len(shares))
    total = zones.counts.sum(axis=0)
    blocks = (zones.block_counts() > 0).sum(axis=0)
    ranks = {0: 0, len(shares) - 1: 1} | {part: part + 1 for part in range(1, len(shares) - 1)}
    missing = sum(
        10.0 * (len(shares) - rank) * ((left[part] == 0) & (blocks > rank)).sum()
        for part, rank in ranks.items()
    )
    everything = np.append(left / total, left.sum(axis=1, keepdims=True) / total.sum(), axis=1)
    return missing + ((everything - np.array(shares)[:, None]) ** 2).sum()


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 3), st.integers(0, 3))
def test_of_few_blocks_no_division_is_better_than_the_one_found(seed, blocks, classes, buffer):
    random = np.random.default_rng(seed)
    count = int(random.integers(max(blocks, classes), 60))
    member = np.concatenate([np.arange(blocks), random.integers(0, blocks, count)])
    rows = member * 4 + random.integers(0, 4, len(member))
    cols = random.integers(0, 30, len(member))
    values = np.concatenate([np.arange(1, classes + 1), random.integers(1, classes + 1, 200)])
    zones = zones_of(member, rows, cols, values[: len(member)], classes=classes, buffer=buffer)
    if (zones.counts.sum(axis=0) == 0).any():
        return
    shares = (0.6, 0.2, 0.2)
    found = assign_blocks(zones, shares, random, starts=3)
    prices = sorted(
        price_of(zones, parts, shares) for parts in itertools.product(range(3), repeat=blocks)
    )
    assert len(found) == min(3, len(prices))
    for parts, price in zip(found, prices):
        assert price_of(zones, parts, shares) == pytest.approx(price)


def test_the_only_division_with_every_class_in_every_part_is_found():
    """Nine blocks, three classes; only three blocks hold more than one class."""
    counts = np.full((9, 3), 0)
    counts[range(9), [0, 0, 0, 1, 1, 1, 2, 2, 2]] = 5
    zones = Zones(np.arange(9), counts, np.zeros((0, 2), dtype=np.int64), 9)
    parts = assign_blocks(zones, (0.6, 0.2, 0.2), np.random.default_rng(0))[0]
    for part in range(3):
        assert counts[parts == part].sum(axis=0).all()
