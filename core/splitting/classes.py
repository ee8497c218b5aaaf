"""Names and colours of what a split raster holds."""

from __future__ import annotations

from ..data.classes import ClassInfo, palette
from ..data.separation import SPLIT_NAMES, TEST, TRAIN, VALIDATION

_COLORS = {TRAIN: "#0072b2", VALIDATION: "#e69f00", TEST: "#d55e00"}


def raster_classes(folds: int) -> tuple[ClassInfo, ...]:
    """Return the classes of a split raster.

    Args:
        folds: how many it holds; 0: training, validation and test.
    """
    if folds:
        colors = palette(folds)
        return tuple(ClassInfo(fold, f"fold {fold}", color) for fold, color in enumerate(colors, 1))
    return tuple(ClassInfo(code, SPLIT_NAMES[code], color) for code, color in _COLORS.items())
