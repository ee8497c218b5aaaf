"""Pictures of a search: scores over time, and against every setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .canvas import LINES, as_png, blank_figure

COLUMNS = 3
GREY = "#8c9aa6"
LONG = 30  # letters of words below an axis, beyond which they are turned


def search_picture(
    finished: Sequence[tuple[float, float]],
    pruned: Sequence[tuple[float, float]],
    *,
    up: str,
    recipe: float | None,
) -> bytes:
    """Draw the scores of trials over time, and the best so far.

    Args:
        finished: minutes at the end of every finished trial, and its score.
        pruned: minutes at the end of every pruned trial, and its last score.
        up: what a score is.
        recipe: score of the recipe.

    Raises:
        DependencyError: matplotlib is missing.
    """
    drawing = blank_figure(10.0, 4.0)
    axes = drawing.add_subplot()
    if pruned:
        axes.plot(*zip(*pruned), linestyle="", marker="x", color=GREY, label="pruned (last score)")
    if finished:
        axes.plot(*zip(*finished), linestyle="", marker="o", color=LINES[0], label="finished")
        best = [max(score for _, score in finished[: place + 1]) for place in range(len(finished))]
        times = [when for when, _ in finished]
        axes.step(times, best, where="post", color=LINES[1], label="best so far")
    if recipe is not None:
        axes.axhline(recipe, color=LINES[2], linestyle="--", linewidth=1.0, label="recipe")
    axes.set_xlabel("minutes")
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    if finished or pruned:
        axes.legend(fontsize=8)
    return as_png(drawing)


def slices_picture(
    settings: Mapping[str, Sequence[Any]],
    scores: Sequence[float],
    *,
    best: int,
    words: Mapping[str, Sequence[Any]],
    factors: Sequence[str],
    up: str,
) -> bytes:
    """Draw the scores of finished trials against every setting that was searched.

    Args:
        settings: name and the value in every trial.
        scores: of the trials.
        best: place of the best trial, which is marked.
        words: of the names that take one of a few values, these in their order.
        factors: names whose axis goes by factors.
        up: what a score is.

    Raises:
        DependencyError: matplotlib is missing.
    """
    rows = -(-len(settings) // COLUMNS)
    drawing = blank_figure(10.0, 2.4 * rows)
    from matplotlib.ticker import LogLocator, NullFormatter

    for place, (name, values) in enumerate(settings.items(), start=1):
        axes = drawing.add_subplot(rows, COLUMNS, place)
        across = values
        if name in words:
            across = [words[name].index(value) for value in values]
            told = [str(word) for word in words[name]]
            turned = {"rotation": 20, "ha": "right"} if len("".join(told)) > LONG else {}
            axes.set_xticks(range(len(told)), told, **turned)
        elif name in factors and min(values) > 0:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.xaxis.set_minor_formatter(NullFormatter())
        order = list(range(len(scores)))
        shown = axes.scatter(across, scores, c=order, cmap="Blues", vmin=-len(order), s=22,
                             edgecolors=LINES[0], linewidths=0.5)  # fmt: skip
        axes.scatter(across[best : best + 1], scores[best : best + 1], s=90, facecolors="none",
                     edgecolors=LINES[1], linewidths=1.6)  # fmt: skip
        shown.set_zorder(3)
        axes.set_xlabel(name.replace("_", " "))
        if (place - 1) % COLUMNS == 0:
            axes.set_ylabel(up)
        axes.grid(alpha=0.3)
        axes.tick_params(labelsize=8)
    return as_png(drawing)
