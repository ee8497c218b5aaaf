"""What a user should know about a split, and when it cannot be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import SplitError
from .labels import Labels
from .separation import SPLIT_NAMES, TEST, TRAIN, VALIDATION, Codes

THIN = 30  # training pixels below which a class is called thin
NAMED = 10  # thin classes named before the rest is only counted


def class_table(labels: Labels, codes: Codes) -> npt.NDArray[np.int64]:
    """Return the pixels by split code and class, ``(4, classes)``."""
    classes = len(labels.classes)
    flat = codes.astype(np.int64) * classes + labels.values - 1
    return np.bincount(flat, minlength=4 * classes).reshape(4, classes)


def split_notes(
    labels: Labels, before: Codes, codes: Codes, buffer: int, block_size: int = 0
) -> tuple[str, ...]:
    """Say what the buffer took.

    Args:
        labels: the labelled pixels.
        before: ``(n,)`` split codes before the buffer.
        codes: ``(n,)`` split codes after it.
        buffer: in pixels.
        block_size: in pixels; 0 where there are no blocks.

    Raises:
        SplitError: where a class has no training pixel.
    """
    table, first = class_table(labels, codes), class_table(labels, before)
    for index, info in enumerate(labels.classes):
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
        if counts[TRAIN] >= THIN and not lacking:
            continue
        have = ", ".join(f"{counts[code]} for {SPLIT_NAMES[code]}" for code in (TRAIN, *held_back))
        what = f"Class '{info.name}' is thin: {have}."
        if lacking:
            what += f" Its {' and '.join(lacking)} figures cannot be known."
        sentences.append(what)
    if len(sentences) > NAMED:
        sentences[NAMED:] = [f"{len(sentences) - NAMED} more classes are thin."]
    return tuple(sentences)


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
