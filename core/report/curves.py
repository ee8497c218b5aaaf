"""The training curves as a piece of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .drawn import drawn
from .figures import curves_picture


def training_curves(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the curves of a training, or why they cannot be drawn.

    Args:
        history: a row an epoch; see ``figures.curves_picture``.
    """
    words = "Training curves: loss and accuracy by epoch"
    return drawn(lambda: curves_picture(history), words)
