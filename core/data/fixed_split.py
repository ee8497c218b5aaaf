"""Splits that the data says itself: in a field of its features, or in rasters."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ..errors import SplitError
from .labels import Labels
from .separation import TEST, TRAIN, UNUSED, VALIDATION, Codes, keep_apart
from .split_notes import split_notes
from .splits import Split

#: What a field may say, in small letters.
WORDS: Mapping[str, int] = MappingProxyType(
    {
        "train": TRAIN,
        "training": TRAIN,
        "val": VALIDATION,
        "valid": VALIDATION,
        "validation": VALIDATION,
        "test": TEST,
        "testing": TEST,
        "unused": UNUSED,
    }
)
_SHOWN = 8  # other words named in a message


def names_splits(labels: Labels) -> bool:
    """Tell whether the group names are the words of splits, and not names of places.

    Raises:
        SplitError: some are and others are not: a slip of the pen would move pixels unseen.
    """
    names = [name.strip().lower() for name in labels.group_names]
    others = [said for said, name in zip(labels.group_names, names) if name not in WORDS]
    used = {WORDS[name] for name in names if name in WORDS}
    if others and {TRAIN, TEST} <= used:
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        raise SplitError(
            f"SPLIT_FIELD holds train and test, but also {', '.join(others[:_SHOWN])}{more}; "
            f"expected only {', '.join(WORDS)}. Correct these values, or give the groups "
            "other names than those of splits."
        )
    return bool(names) and not others


def split_named(labels: Labels, *, buffer: int, seed: int) -> Split:
    """Take the split from the group names: train, validation (val), test, unused.

    Raises:
        SplitError: for other names, or where a class has no training or no test pixel.
    """
    names = [name.strip().lower() for name in labels.group_names]
    unknown = sorted(set(names) - set(WORDS))
    if unknown or not names:
        raise SplitError(
            f"SPLIT_FIELD holds {', '.join(unknown) or 'nothing'}; expected the words "
            "train, validation, test."
        )
    table = np.array([UNUSED, *(WORDS[name] for name in names)], dtype=np.uint8)
    return _taken(labels, table[labels.groups], "field", buffer, seed)


def split_coded(labels: Labels, codes: Codes, *, buffer: int, seed: int) -> Split:
    """Take the split from codes of pixels, as a raster has them.

    Args:
        labels: the labelled pixels, all of them of classes that have a pixel in some split.
        codes: ``(n,)`` split codes.
        buffer: as ``splits.split_blocks``.
        seed: kept with the split; nothing is drawn.

    Raises:
        SplitError: where a class has no training pixel.
    """
    return _taken(labels, codes, "raster", buffer, seed)


def _taken(labels: Labels, before: Codes, method: str, buffer: int, seed: int) -> Split:
    codes = keep_apart(before, labels.rows, labels.cols, buffer)
    notes = split_notes(labels, before, codes, buffer, named=method)
    return Split(codes, labels.groups, method, 0, buffer, seed, notes)
