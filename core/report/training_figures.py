"""Pictures of a training: how loss, accuracy and learning rate went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .canvas import LINES, as_png, blank_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDEST = 11.0  # inches
FEW = 30  # epochs that are marked one by one
STEEP = 30.0  # times the smallest loss beyond which losses are drawn on a scale of powers of ten
_KEPT = "#5b6874"

#: Panels: what they show, words of which one is in a figure's name, and how wide they are.
_PANELS = (
    ("loss", ("loss",), 1.0),
    ("accuracy", ("overall", "average", "accuracy"), 1.0),
    ("learning rate", ("learning_rate",), 0.62),
)
_LABELS = {
    "loss": "training",
    "validation_loss": "validation",
    "validation_overall": "validation, overall",
    "validation_average": "validation, average",
}
_COLORS = {"loss": LINES[0], "validation_loss": LINES[1]}


def curves_picture(history: Sequence[Mapping[str, Any]], kept: float | None = None) -> bytes:
    """Draw training curves: losses, shares of right pixels, and the learning rate where known.

    Args:
        history: a row an epoch with ``epoch`` and figures; those with ``loss`` in their name
            are losses, those with ``overall``, ``average`` or ``accuracy`` accuracies, others
            are not drawn. Epoch 0 is the untrained network.
        kept: the epoch whose weights were kept.

    Raises:
        DependencyError: matplotlib is missing.
    """
    panels = [
        (title, columns, width)
        for title, words, width in _PANELS
        if (columns := _columns(history, words)) or title == "loss"
    ]
    total = sum(width for *_, width in panels)
    drawing = blank_figure(min(5.0 * total, WIDEST), 3.8)
    grid = drawing.add_gridspec(1, len(panels), width_ratios=[width for *_, width in panels])
    for place, (title, columns, _) in enumerate(panels):
        axes = drawing.add_subplot(grid[place])
        values = [_draw(axes, history, name, number) for number, name in enumerate(columns)]
        _finish(axes, title, history, [value for series in values for value in series])
        if kept is not None:
            axes.axvline(kept, color=_KEPT, linewidth=1.0, linestyle="--", label=f"kept: {kept:g}")
        if title != "learning rate" and axes.lines:
            axes.legend(fontsize=8)
    return as_png(drawing)


def rates_picture(
    rates: Sequence[float], losses: Sequence[float], suggested: float | None
) -> bytes:
    """Draw the losses at growing learning rates, and the one that is suggested.

    Args:
        rates: on the horizontal axis, which is logarithmic.
        losses: as many.
        suggested: marked, where there is one.

    Raises:
        DependencyError: matplotlib is missing.
    """
    drawing = blank_figure(7.0, 3.8)
    axes = drawing.add_subplot()
    axes.plot(rates, losses, color=LINES[0], label="loss of the batches, smoothed")
    if suggested is not None:
        axes.axvline(suggested, color=LINES[1], linestyle="--", label=f"suggested: {suggested:g}")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return as_png(drawing)


def _draw(axes: Axes, history: Sequence[Mapping[str, Any]], name: str, number: int) -> list[float]:
    """Draw a figure of all epochs; returns its values."""
    epochs, values = _series(history, name)
    axes.plot(
        epochs,
        values,
        color=_COLORS.get(name, LINES[number % len(LINES)]),
        label=_LABELS.get(name, name.replace("_", " ")),
        marker="o" if len(values) <= FEW else "",
        markersize=3.5,
        linewidth=1.5 if len(values) <= 10 * FEW else 1.0,
    )
    return values


def _finish(
    axes: Axes, title: str, history: Sequence[Mapping[str, Any]], values: Sequence[float]
) -> None:
    """Set the scales and words of a panel."""
    from matplotlib.ticker import MaxNLocator

    if title == "learning rate":
        axes.set_ylim(0.0, 1.05 * max([*values, 1e-12]))
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    if title == "accuracy":
        low = min(values, default=0.0)
        axes.set_ylim(max(low - 0.05, -0.02), 1.02)
    if title == "loss" and values and 0 < STEEP * min(values) < max(values):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
    epochs = _series(history, "epoch")[1]
    if epochs:  # one epoch alone still needs a width
        axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    axes.set_xlabel("epoch (0: untrained)" if 0.0 in epochs else "epoch")
    axes.set_ylabel(title)
    axes.grid(alpha=0.3)


def _columns(history: Sequence[Mapping[str, Any]], words: Sequence[str]) -> list[str]:
    """Names of the figures that contain one of the words, in the order they appear."""
    names: dict[str, None] = {}
    for row in history:
        names.update(dict.fromkeys(name for name in row if any(word in name for word in words)))
    return sorted(names, key=lambda name: name != "loss")  # of training before of validation


def _series(history: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    rows = [
        (float(row.get("epoch") or 0.0 if "epoch" in row else place), float(row[name]))
        for place, row in enumerate(history, start=1)
        if isinstance(row.get(name), (int, float))
    ]
    return [row[0] for row in rows], [row[1] for row in rows]
