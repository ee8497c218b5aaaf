"""Zones: the pixels of a block that the same neighbouring blocks come near to.

With a buffer between splits, what a block contributes depends on its neighbours' splits:
a zone lives or dies as a whole. So a division of blocks can be priced with its buffer
without looking at pixels again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .nearest import nearest_distance

IntArray = npt.NDArray[np.int64]

# Beyond these a division has so many blocks or pixels that any is as good as the next.
_MOST_BLOCKS = 3000
_MOST_PIXELS = 2_000_000


@dataclass(frozen=True, eq=False)
class Zones:
    """Labelled pixels counted by zone and class.

    Attributes:
        block: ``(zones,)`` the block each zone is in.
        counts: ``(zones, classes)`` labelled pixels.
        near: ``(pairs, 2)`` zone, and a block that comes near to it.
        blocks: how many blocks there are.
    """

    block: IntArray
    counts: IntArray
    near: IntArray
    blocks: int

    def block_counts(self) -> IntArray:
        """Return ``(blocks, classes)`` labelled pixels."""
        counts = np.zeros((self.blocks, self.counts.shape[1]), dtype=np.int64)
        np.add.at(counts, self.block, self.counts)
        return counts


def whole_blocks(
    member: IntArray, values: npt.NDArray[np.integer[Any]], blocks: int, classes: int
) -> Zones:
    """Return blocks as zones that nothing comes near to: a division without a buffer.

    Args:
        member: ``(n,)`` block of each labelled pixel, 0..blocks-1.
        values: ``(n,)`` its class, 1..classes.
        blocks: how many there are.
        classes: how many there are.
    """
    counts = _count(member, values, blocks, classes)
    return Zones(np.arange(blocks), counts, np.zeros((0, 2), dtype=np.int64), blocks)


def zones_of(
    member: IntArray,
    rows: npt.NDArray[np.integer[Any]],
    cols: npt.NDArray[np.integer[Any]],
    values: npt.NDArray[np.integer[Any]],
    *,
    classes: int,
    buffer: int,
) -> Zones:
    """Divide blocks into zones for a buffer.

    Args:
        member: ``(n,)`` block of each labelled pixel, 0..blocks-1, each with a pixel.
        rows: ``(n,)``.
        cols: ``(n,)``.
        values: ``(n,)`` classes, 1..classes.
        classes: how many there are.
        buffer: Chebyshev distance up to which pixels are near, in pixels.
    """
    blocks = int(member.max(initial=-1)) + 1
    if buffer == 0 or blocks > _MOST_BLOCKS or len(member) > _MOST_PIXELS:
        return whole_blocks(member, values, blocks, classes)
    order = np.argsort(member, kind="stable")
    pixels = np.split(order, np.searchsorted(member[order], np.arange(1, blocks)))
    places = np.column_stack([rows, cols]).astype(np.int64)
    low = np.array([places[own].min(axis=0) for own in pixels])
    high = np.array([places[own].max(axis=0) for own in pixels])
    zone_of_pixel = np.zeros(len(member), dtype=np.int64)
    home: list[int] = []
    near: list[tuple[int, int]] = []
    for block, own in enumerate(pixels):
        gap = np.maximum(low - high[block], low[block] - high).max(axis=1)
        others = [int(b) for b in np.flatnonzero(gap <= buffer) if b != block]
        touched = [_near_pixels(places, own, pixels[b], buffer) for b in others]
        patterns, which = np.unique(
            np.array(touched, dtype=bool).reshape(len(others), len(own)).T,
            axis=0,
            return_inverse=True,
        )
        zone_of_pixel[own] = which.reshape(-1) + len(home)
        for pattern in patterns:
            near.extend((len(home), others[index]) for index in np.flatnonzero(pattern))
            home.append(block)
    counts = _count(zone_of_pixel, values, len(home), classes)
    return Zones(np.array(home), counts, np.array(near, np.int64).reshape(-1, 2), blocks)


def _near_pixels(
    places: IntArray, own: IntArray, other: IntArray, buffer: int
) -> npt.NDArray[np.bool_]:
    """Tell which of a block's pixels another block's come within the buffer of."""
    mine, theirs = places[own], places[other]
    # Only the rims can meet: leave the insides out before the search.
    rim = _within(mine, theirs, buffer)
    facing = theirs[_within(theirs, mine, buffer)]
    near = np.zeros(len(own), dtype=bool)
    distance = nearest_distance(mine[rim, 0], mine[rim, 1], facing[:, 0], facing[:, 1], buffer)
    near[rim] = distance <= buffer
    return near


def _within(points: IntArray, others: IntArray, margin: int) -> npt.NDArray[np.bool_]:
    """Tell which points lie in the box of the others, grown by a margin."""
    low, high = others.min(axis=0) - margin, others.max(axis=0) + margin
    return np.asarray(((points >= low) & (points <= high)).all(axis=1))


def _count(
    where: IntArray, values: npt.NDArray[np.integer[Any]], size: int, classes: int
) -> IntArray:
    flat = where * classes + values.astype(np.int64) - 1
    return np.bincount(flat, minlength=size * classes).reshape(size, classes).astype(np.int64)
