"""The training curves as a piece of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .drawn import drawn
from .training_figures import curves_picture


def training_curves(history: Sequence[Mapping[str, Any]], kept: float | None = None) -> str:
    """Return the curves of a training, or why they cannot be drawn.

    Args:
        history: a row an epoch; see ``training_figures.curves_picture``.
        kept: the epoch whose weights were kept, where it is known.
    """
    words = "Training curves: loss, accuracy and learning rate by epoch"
    return drawn(lambda: curves_picture(history, kept), words)
