"""What every class has to train and to test on, by the labels that will be written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import SplitError
from ..classes import ClassInfo
from ..export_settings import ExportSettings
from ..separation import SPLIT_NAMES, TEST, TRAIN, VALIDATION

_THIN = 10  # training tiles below which a class is called thin

Table = npt.NDArray[np.integer[Any]]


def class_warnings(
    classes: Sequence[ClassInfo],
    expected: npt.NDArray[np.bool_],
    held: Table,
    pixels: Table | None,
    settings: ExportSettings,
) -> list[str]:
    """Name the classes with few training tiles, and those that a split lacks.

    Args:
        classes: all of them.
        expected: ``(classes,)`` which of them a tile held before the division.
        held: ``(4, classes)`` tiles that hold a label of it, by the code of their split, or scenes
            of it; turned copies do not count.
        pixels: ``(4, classes)`` labelled pixels, each once; None for scenes.
        settings: of the export.

    Raises:
        SplitError: nothing of a class is left to train on.
    """
    wanted = [VALIDATION] * (settings.validation_fraction > 0) + [TEST] * settings.wants_test
    amounts, texts = held if pixels is None else pixels, []
    for place in np.flatnonzero(expected).tolist():
        name = classes[place].name
        lacking = [SPLIT_NAMES[code] for code in wanted if not amounts[code, place]]
        parts = [_part(code, held, pixels, place) for code in (TRAIN, VALIDATION, TEST)]
        if not amounts[TRAIN, place]:
            raise SplitError(_untrained(name, ", ".join(parts), settings))
        if held[TRAIN, place] >= _THIN and not lacking:
            continue
        row = ", ".join(parts[code - TRAIN] for code in (TRAIN, *wanted))
        text = f"Class '{name}' has few {settings.kind}: {row}."
        if lacking:
            text += f" Its {' and '.join(lacking)} figures cannot be known."
        texts.append(text)
    return texts


def _part(code: int, held: Table, pixels: Table | None, place: int) -> str:
    """Say what a split has of a class."""
    text = f"{int(held[code, place]):,} for {SPLIT_NAMES[code]}"
    if pixels is None or not held[code, place]:
        return text
    return f"{text} ({int(pixels[code, place]):,} labelled pixels)"


def _untrained(name: str, row: str, settings: ExportSettings) -> str:
    """Say that nothing of a class is left to train on, and what helps."""
    why = (
        "Where tiles of different splits overlap, a labelled pixel counts only in the tile where "
        "it lies farthest from the edge. Use a STRIDE as large as TILE_SIZE, or SPLIT 'blocks'"
        if settings.split == "random"
        else "A polygon (or group) belongs to one split, and tiles of another leave it unlabelled. "
        "Use a larger TRAIN_FRACTION, another SEED, a smaller TILE_SIZE, or SPLIT 'blocks'"
    )
    return (
        f"Nothing of the class '{name}' is left to train on; it has these {settings.kind}: {row}. "
        f"{why}, or leave the class out."
    )
