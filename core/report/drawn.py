"""Pictures as pieces of a page, also where none can be drawn."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import DependencyError
from .html import paragraph, picture


def drawn(draw: Callable[[], bytes], description: str) -> str:
    """Return a picture, or why there is none.

    Args:
        draw: makes the PNG, with a function of ``figures``.
        description: what it shows, in words.
    """
    try:
        return picture(draw(), description)
    except DependencyError as error:
        return paragraph(str(error), "note")
