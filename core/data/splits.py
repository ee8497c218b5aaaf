"""Splits: which labelled pixels train, which validate, which test.

Neighbouring pixels are alike, and patches overlap: pixels drawn at random are half known
already. So spatial blocks are the default, with a buffer between the splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, SplitError
from ..runtime.seeds import numpy_generator
from .block_assignment import assign_blocks
from .block_zones import zones_of
from .labels import Labels
from .separation import SPLIT_NAMES, TEST, TRAIN, UNUSED, VALIDATION, Codes, keep_apart
from .split_notes import class_table, split_notes

_ROUNDS = 4  # of searches, while a class is left without a training pixel
_MOST_GROUPS = 500_000  # dividing more would take minutes and gigabytes
_PRICED_PIXELS = 300_000  # above that only the first division of a search is tried


@dataclass(frozen=True, eq=False)
class Split:
    """What each labelled pixel is used for.

    Attributes:
        codes: ``(n,)`` uint8 of ``UNUSED``, ``TRAIN``, ``VALIDATION``, ``TEST``.
        groups: ``(n,)`` int32, the block or polygon each pixel belongs to.
        method: ``blocks``, ``random``, ``polygons``, ``field`` or ``raster``.
        block_size: in pixels; 0 where there are no blocks.
        buffer: pixels of different splits are more than this apart (Chebyshev).
        seed: of the draws.
        notes: what the user should know, such as classes missing from a split.
    """

    codes: Codes
    groups: npt.NDArray[np.int32]
    method: str
    block_size: int
    buffer: int
    seed: int
    notes: tuple[str, ...] = ()

    def counts(self, values: npt.NDArray[np.integer[Any]], classes: int) -> dict[str, list[int]]:
        """Return the pixels of each class (1..classes) by the split's name."""
        flat = self.codes.astype(np.int64) * (classes + 1) + values
        table = np.bincount(flat, minlength=4 * (classes + 1)).reshape(4, classes + 1)[:, 1:]
        return {name: [int(n) for n in table[code]] for code, name in enumerate(SPLIT_NAMES)}


def split_blocks(
    labels: Labels,
    *,
    block_size: int,
    buffer: int,
    train_fraction: float,
    validation_fraction: float,
    seed: int,
) -> Split:
    """Divide labelled pixels by square blocks of the raster.

    Args:
        labels: the labelled pixels.
        block_size: side of a block in pixels.
        buffer: Chebyshev distance to exceed between pixels of different splits: training
            pixels give way to validation and test, validation to test.
        train_fraction: share of the training blocks, 0..1.
        validation_fraction: share of the validation blocks; the rest is test.
        seed: of the search for a balanced division.

    Raises:
        InputError: for sizes or fractions that cannot be.
        SplitError: where a class would have no training pixel.
    """
    if block_size < 1:
        raise InputError(f"BLOCK_SIZE is {block_size}; it must be at least 1 pixel.")
    groups = block_ids(labels.rows, labels.cols, block_size)
    shares = _shares(train_fraction, validation_fraction)
    pattern = Split(_undecided(labels), groups, "blocks", block_size, buffer, seed)
    return _split_groups(labels, pattern, shares)


def split_polygons(
    labels: Labels,
    *,
    buffer: int,
    train_fraction: float,
    validation_fraction: float,
    seed: int,
) -> Split:
    """Divide labelled pixels by the polygon or point (or field value) they come from.

    Args, errors: as ``split_blocks``; also a SplitError for labels of a raster.
    """
    if not labels.groups.any():
        raise SplitError(
            "The labels come from a raster, so there are no polygons to divide by. "
            "Use SPLIT 'blocks'."
        )
    shares = _shares(train_fraction, validation_fraction)
    method = "field" if labels.group_names else "polygons"
    pattern = Split(_undecided(labels), labels.groups, method, 0, buffer, seed)
    return _split_groups(labels, pattern, shares)


def split_random(
    labels: Labels,
    *,
    train_fraction: float,
    validation_fraction: float,
    seed: int,
    buffer: int = 0,
    count_per_class: int = 0,
) -> Split:
    """Draw labelled pixels at random, class by class.

    Every class with three pixels or more gets one in each split that has a share.

    Args:
        labels: the labelled pixels.
        train_fraction: as ``split_blocks``.
        validation_fraction: as ``split_blocks``.
        seed: of the draw.
        buffer: as ``split_blocks``; above 0 it only makes sense for scattered points.
        count_per_class: training pixels of every class that has more, in place of a share; then
            the share of validation is one of what is left. 0 draws by shares.

    Returns:
        A split whose ``groups`` are all 0.

    Raises:
        InputError: for a count or fractions that cannot be.
        SplitError: where a class would have no training pixel.
    """
    if count_per_class < 0:
        raise InputError(f"COUNT_PER_CLASS is {count_per_class}; write 0 to draw by shares.")
    shares = _shares(train_fraction, validation_fraction)
    generator = numpy_generator(seed, "split", "random")
    before = np.zeros(len(labels), dtype=np.uint8)
    small = []
    for value, info in enumerate(labels.classes, 1):
        where = generator.permutation(np.flatnonzero(labels.values == value))
        counted = 0 < count_per_class < len(where)
        if counted:
            train, validation = _count_out(len(where), count_per_class, validation_fraction)
        else:
            train, validation = _share_out(len(where), shares)
        if count_per_class and not counted:
            small.append(f"'{info.name}' ({train:,} of {len(where):,})")
        before[where[:train]] = TRAIN
        before[where[train : train + validation]] = VALIDATION
        before[where[train + validation :]] = TEST
    codes = keep_apart(before, labels.rows, labels.cols, buffer)
    groups = np.zeros(len(labels), dtype=np.int32)
    notes = split_notes(labels, before, codes, buffer)
    if small:
        note = f"Fewer pixels than COUNT_PER_CLASS {count_per_class:,} leaves for a test have "
        note += f"{', '.join(small)}: of them TRAIN_FRACTION {train_fraction:g} trains."
        notes = (note, *notes)
    return Split(codes, groups, "random", 0, buffer, seed, notes)


def cap_training(
    split: Split, values: npt.NDArray[np.integer[Any]], most: int, *, name: str = "MAX_PER_CLASS"
) -> Split:
    """Keep at most ``most`` training pixels a class, drawn at random; 0 keeps all.

    The others become ``UNUSED``. Validation and test stay whole: their figures are only
    true with the classes in the proportions that they have. ``name`` is the user's for the limit.
    """
    if most < 0:
        raise InputError(f"MAX_PER_CLASS is {most}; write 0 for no limit.")
    if most == 0:
        return split
    generator = numpy_generator(split.seed, "split", "cap")
    codes = split.codes.copy()
    for value in np.unique(values):
        where = np.flatnonzero((values == value) & (codes == TRAIN))
        codes[generator.permutation(where)[most:]] = UNUSED
    dropped = int((codes != split.codes).sum())
    note = f"{name} {most:,} leaves out {dropped:,} training pixels."
    return replace(split, codes=codes, notes=(*split.notes, *([note] if dropped else [])))


def block_ids(
    rows: npt.NDArray[np.integer[Any]], cols: npt.NDArray[np.integer[Any]], block_size: int
) -> npt.NDArray[np.int32]:
    """Return the block of each pixel, numbered from 1 in row-major order."""
    if not len(rows):
        return np.zeros(0, dtype=np.int32)
    down = rows.astype(np.int64) // block_size
    right = cols.astype(np.int64) // block_size
    ids = down * (right.max() + 1) + right + 1
    if ids.max() > np.iinfo(np.int32).max:
        raise InputError(f"BLOCK_SIZE {block_size} makes too many blocks for this raster.")
    return np.asarray(ids, dtype=np.int32)


def _undecided(labels: Labels) -> Codes:
    return np.zeros(len(labels), dtype=np.uint8)


def _shares(train: float, validation: float) -> tuple[float, float, float]:
    """Return the shares of training, validation and test, checked."""
    test = 1.0 - train - validation
    if not (0 < train <= 1 and 0 <= validation < 1 and test > -1e-9):
        raise InputError(
            f"TRAIN_FRACTION is {train:g} and VALIDATION_FRACTION {validation:g}; the first must "
            "be above 0, the second 0 or more, and both together at most 1 (the rest is test)."
        )
    return train, validation, test if test > 1e-9 else 0.0


def _share_out(count: int, shares: tuple[float, float, float]) -> tuple[int, int]:
    """Return the training and validation pixels of a class, at least one each where it can be."""
    least_test = 1 if shares[2] > 0 and count >= 2 else 0
    least_validation = 1 if shares[1] > 0 and count >= 3 else 0
    train = min(max(round(count * shares[0]), 1), count - least_test - least_validation)
    validation = max(round(count * shares[1]), least_validation)
    if shares[2] == 0:
        validation = count - train
    return train, min(validation, count - train - least_test)


def _count_out(count: int, train: int, validation_fraction: float) -> tuple[int, int]:
    """Return the training and validation pixels of a class that has more than the first."""
    rest = count - train
    wanted = max(round(rest * validation_fraction), 1 if validation_fraction > 0 else 0)
    return train, min(wanted, rest - 1)


def _split_groups(labels: Labels, pattern: Split, shares: Sequence[float]) -> Split:
    """Divide whole groups, and of the best divisions take the one best after its buffer.

    Args:
        labels: the labelled pixels.
        pattern: the split without its codes: groups, method, sizes and seed.
        shares: of training, validation and test.
    """
    names, member = np.unique(pattern.groups, return_inverse=True)
    if len(names) > _MOST_GROUPS:
        raise SplitError(
            f"There are {len(names):,} blocks, polygons or patches to divide; expected at most "
            f"{_MOST_GROUPS:,}. Use SPLIT 'blocks' with a larger BLOCK_SIZE."
        )
    zones = zones_of(
        member,
        labels.rows,
        labels.cols,
        labels.values,
        classes=len(labels.classes),
        buffer=pattern.buffer,
    )
    generator = numpy_generator(pattern.seed, "split", pattern.method)
    best: _Tried | None = None
    for _ in range(_ROUNDS):
        found = assign_blocks(zones, shares, generator)
        # A buffer over many pixels is slow, and with many blocks all divisions are alike.
        for parts in found if len(labels) <= _PRICED_PIXELS else found[:1]:
            tried = _try_buffer(labels, parts[member], shares, pattern.buffer)
            if best is None or tried.price < best.price:
                best = tried
        if best is not None and best.price[0] == 0:
            break
    if best is None:
        raise SplitError("There are no labelled pixels to divide.")
    notes = split_notes(labels, best.before, best.codes, pattern.buffer, pattern.block_size)
    return replace(pattern, codes=best.codes, notes=notes)


@dataclass(frozen=True, eq=False)
class _Tried:
    """A division before and after its buffer; the price ranks it, cheapest first."""

    price: tuple[int, int, float]
    before: Codes
    codes: Codes


def _try_buffer(
    labels: Labels,
    parts: npt.NDArray[np.int64],
    shares: Sequence[float],
    buffer: int,
) -> _Tried:
    """Apply the buffer; classes without training pixels cost most, then missing ones."""
    before = (parts + TRAIN).astype(np.uint8)
    codes = keep_apart(before, labels.rows, labels.cols, buffer)
    table = class_table(labels, codes)[TRAIN:]
    share = table / np.maximum(table.sum(axis=0), 1)
    imbalance = float(((share - np.array(shares)[:, None]) ** 2).sum())
    missing = int((table[np.array(shares) > 0] == 0).sum())
    return _Tried((int((table[0] == 0).sum()), missing, imbalance), before, codes)
