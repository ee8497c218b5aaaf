"""The training curves as a piece of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .drawn import drawn
from .training_figures import curves_picture, rates_picture


def training_curves(history: Sequence[Mapping[str, Any]], kept: float | None = None) -> str:
    """Return the curves of a training, or why they cannot be drawn.

    Args:
        history: a row an epoch; see ``training_figures.curves_picture``.
        kept: the epoch whose weights were kept, where it is known.
    """
    words = "Training curves: loss, accuracy and learning rate by epoch"
    return drawn(lambda: curves_picture(history, kept), words)


def rate_curve(trial: Mapping[str, Any]) -> str:
    """Return the curve of a learning-rate finder, or why it cannot be drawn.

    Args:
        trial: see ``training.rate_finder``.
    """
    words = "Loss at growing learning rates"
    return drawn(lambda: rates_picture(trial["rates"], trial["losses"], trial["suggested"]), words)
