"""The training curves as a piece of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import DependencyError
from .figures import curves_picture
from .html import paragraph, picture


def training_curves(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the curves of a training, or why they cannot be drawn.

    Args:
        history: a row an epoch; see ``figures.curves_picture``.
    """
    try:
        drawn = curves_picture(history)
    except DependencyError as error:
        return paragraph(str(error), "note")
    return picture(drawn, "Training curves: loss and accuracy by epoch")
