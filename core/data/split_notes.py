"""What a user should know about a split, and when it cannot be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import SplitError
from .labels import Labels
from .separation import SPLIT_NAMES, TEST, TRAIN, VALIDATION, Codes

THIN = 30  # training pixels below which a class is called thin
# A raster may come from here: blocks leave classes of one block without a test pixel.
_MUST_NAME = {"field": (TRAIN, TEST), "raster": (TRAIN,)}
NAMED = 10  # thin classes named before the rest is only counted


def class_table(labels: Labels, codes: Codes) -> npt.NDArray[np.int64]:
    """Return the pixels by split code and class, ``(4, classes)``."""
    classes = len(labels.classes)
    flat = codes.astype(np.int64) * classes + labels.values - 1
    return np.bincount(flat, minlength=4 * classes).reshape(4, classes)


def split_notes(
    labels: Labels,
    before: Codes,
    codes: Codes,
    buffer: int,
    block_size: int = 0,
    *,
    named: str = "",
) -> tuple[str, ...]:
    """Say what the buffer took.

    Args:
        labels: the labelled pixels.
        before: ``(n,)`` split codes before the buffer.
        codes: ``(n,)`` split codes after it.
        buffer: in pixels.
        block_size: in pixels; 0 where there are no blocks.
        named: the method, where the data says itself what is for training and what for test.

    Raises:
        SplitError: where a class has no training pixel, or a field names no test pixel of it though
            it names some of other classes.
    """
    table, first = class_table(labels, codes), class_table(labels, before)
    for index, info in enumerate(labels.classes):
        for code in _MUST_NAME.get(named, ()):
            if first[code].any() and not first[code, index]:
                raise SplitError(_not_named(info.name, first[:, index], code, named))
        if table[TRAIN, index] == 0:
            raise SplitError(_no_training(info.name, first[:, index], buffer, block_size))
    notes = []
    lost = int((before == TRAIN).sum() - (codes == TRAIN).sum())
    if lost:
        share = 1 - lost / max(int((before == TRAIN).sum()), 1)
        notes.append(
            f"The buffer of {buffer} pixels takes {lost:,} training pixels; {share:.0%} stay."
        )
    return tuple(notes)


def thin_classes(labels: Labels, codes: Codes) -> tuple[str, ...]:
    """Name the classes with few training pixels, and those that a split lacks.

    Args:
        labels: the labelled pixels.
        codes: ``(n,)`` split codes.

    Returns:
        A sentence for each, none where all is well.
    """
    table = class_table(labels, codes)
    held_back = [code for code in (VALIDATION, TEST) if table[code].any()]
    sentences = []
    for info, counts in zip(labels.classes, table.T):
        lacking = [SPLIT_NAMES[code] for code in held_back if counts[code] == 0]
        thin = counts[TRAIN] < THIN
        if not thin and not lacking:
            continue
        have = ", ".join(f"{counts[code]} for {SPLIT_NAMES[code]}" for code in (TRAIN, *held_back))
        state = "is thin" if thin else f"has no pixels for {' and '.join(lacking)}"
        what = f"Class '{info.name}' {state}: {have}."
        if lacking:
            what += f" Its {' and '.join(lacking)} figures cannot be known."
        sentences.append(what)
    if len(sentences) > NAMED:
        sentences[NAMED:] = [
            f"{len(sentences) - NAMED} more classes have few or no pixels as well."
        ]
    return tuple(sentences)


def without_small_classes(labels: Labels, least: int) -> Labels:
    """Leave out the classes with fewer pixels than ``least``; a note names them.

    Raises:
        SplitError: where no class is left.
    """
    counts = np.array(labels.counts())
    small = np.flatnonzero(counts < least)
    if not len(small):
        return labels
    if len(small) == len(counts):
        raise SplitError(
            f"MIN_PER_CLASS is {least:,}, and no class has so many labelled pixels: the largest, "
            f"'{labels.classes[int(counts.argmax())].name}', has {counts.max():,}. Use a smaller "
            "number."
        )
    named = [f"{labels.classes[place].name} ({counts[place]:,})" for place in small[:NAMED]]
    if len(small) > NAMED:
        named.append(f"and {len(small) - NAMED} more")
    return labels.keep(
        counts[labels.values - 1] >= least,
        f"Classes with fewer than {least:,} labelled pixels are left out: {', '.join(named)}.",
    )


def check_lone_pixels(labels: Labels) -> None:
    """Refuse classes of one pixel: they cannot be learnt and tested.

    Raises:
        SplitError: naming them.
    """
    lone = [info.name for info, count in zip(labels.classes, labels.counts()) if count == 1]
    if not lone:
        return
    listed = ", ".join(f"'{name}'" for name in lone[:NAMED])
    if len(lone) > NAMED:
        listed += f" and {len(lone) - NAMED} more"
    what = f"Class {listed} has" if len(lone) == 1 else f"The classes {listed} have"
    raise SplitError(
        f"{what} a single labelled pixel, of {len(labels):,} in all: one pixel cannot be learnt "
        "and tested. Label more of them in the reference, or leave them out with MIN_PER_CLASS 2."
    )


def without_test(method: str, block_size: int) -> str:
    """Say that a split left nothing to test on, and what helps.

    Args:
        method: of the split.
        block_size: in pixels; 0 where there are no blocks.
    """
    text = "No labelled pixel is left to test on, so the accuracy cannot be known."
    if method == "blocks":
        return (
            f"{text} The labels lie in too few blocks of {block_size} x {block_size} pixels: use a "
            "smaller BLOCK_SIZE or BUFFER, or label other parts of the image too."
        )
    if method == "raster":
        return f"{text} The raster of the split marks no labelled pixel for it."
    if method == "random":
        return f"{text} There are too few labelled pixels: label more."
    return (
        f"{text} There are too few polygons, points or groups to divide, or none that SPLIT_FIELD "
        "names 'test'."
    )


def _not_named(name: str, first: npt.NDArray[np.int64], code: int, method: str) -> str:
    """Say that the data gives a class nothing to train or to test on."""
    have = ", ".join(f"{first[c]:,} for {SPLIT_NAMES[c]}" for c in (TRAIN, VALIDATION, TEST))
    text = f"the class '{name}' no pixel for {SPLIT_NAMES[code]}: its {int(first.sum()):,} "
    text += f"labelled pixels are {have}."
    if method == "raster":
        return (
            f"The raster of the split gives {text} Mark some of its pixels in that raster, or take "
            "the class out of the reference."
        )
    return (
        f"SPLIT_FIELD gives {text} Write '{SPLIT_NAMES[code]}' into that field for some of its "
        "features, take the class out of the reference, or let SPLIT 'polygons' divide."
    )


def _no_training(name: str, first: npt.NDArray[np.int64], buffer: int, block_size: int) -> str:
    """Say why a class has no training pixel, and what helps."""
    total = int(first.sum())
    if first[TRAIN]:
        return (
            f"Class '{name}' has {total} labelled pixels, and none is left for training: its "
            f"{int(first[TRAIN])} training pixels lie within {buffer} pixels of validation or "
            "test pixels. Use a smaller BUFFER"
            + (f", or another BLOCK_SIZE than {block_size}." if block_size else ".")
        )
    return (
        f"Class '{name}' has {total} labelled pixels and none of them is for training. "
        "Use a larger TRAIN_FRACTION, or leave the class out."
    )
