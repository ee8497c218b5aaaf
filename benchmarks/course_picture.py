"""Curves of two recipes on two splits, as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

COLORS = {"course": "#d55e00", "ours": "#0072b2"}


def draw_curves(curves: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]) -> bytes:
    """Return a PNG: a panel a split, overall accuracy on pixels that do not train by epoch.

    Args:
        curves: rows of the history by split and recipe.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    splits = list(dict.fromkeys(split for split, _ in curves))
    drawing = Figure(figsize=(5.2 * len(splits), 4.0), layout="tight")
    FigureCanvasAgg(drawing)
    for place, split in enumerate(splits, 1):
        axes = drawing.add_subplot(1, len(splits), place)
        for (own, recipe), history in curves.items():
            if own != split or not history:
                continue
            epochs = [row["epoch"] for row in history]
            scores = [row["validation_overall"] for row in history]
            seconds = sum(row["seconds"] for row in history)
            label = f"{recipe}: {scores[-1]:.3f} after {epochs[-1]:.0f} epochs, {seconds:,.0f} s"
            axes.plot(epochs, scores, color=COLORS[recipe], label=label, linewidth=1.4)
            axes.plot(epochs[-1:], scores[-1:], color=COLORS[recipe], marker="o", markersize=4)
        axes.set_xscale("log")
        axes.set_xlabel("epoch")
        axes.set_ylabel("overall accuracy, pixels that do not train")
        axes.set_ylim(0, 1)
        axes.set_title(split)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(loc="lower right", fontsize=8)
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
