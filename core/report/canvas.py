"""What every picture is drawn on.

Drawn with matplotlib's ``Figure`` on the Agg canvas: pyplot keeps state that the desktop
program around us owns, and looks for a screen.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ..errors import DependencyError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Colours of lines, one after the other; told apart by the colour-blind too.
LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


def blank_figure(width: float, height: float) -> Figure:
    """Return an empty figure in inches.

    Raises:
        DependencyError: matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DependencyError(
            f"Pictures need matplotlib, which cannot be imported ({error}). It comes with QGIS; "
            "install it into the environment that runs the job."
        ) from error
    drawing = Figure(figsize=(width, height), layout="tight")
    FigureCanvasAgg(drawing)
    return drawing


def as_png(drawing: Figure) -> bytes:
    """Return a finished figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
