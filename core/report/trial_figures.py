"""Pictures of a search: scores over time, and against every setting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .canvas import LINES, as_png, blank_figure

COLUMNS = 3
GREY = "#8c9aa6"


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
    factors: Sequence[str],
    up: str,
) -> bytes:
    """Draw the scores of finished trials against every setting that was searched.

    Args:
        settings: name and the value in every trial.
        scores: of the trials.
        best: place of the best trial, which is marked.
        factors: names whose axis goes by factors.
        up: what a score is.

    Raises:
        DependencyError: matplotlib is missing.
    """
    rows = -(-len(settings) // COLUMNS)
    drawing = blank_figure(10.0, 2.9 * rows)
    for place, (name, values) in enumerate(settings.items(), start=1):
        axes = drawing.add_subplot(rows, COLUMNS, place)
        across = values
        if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
            words = list(dict.fromkeys(map(str, values)))
            across = [words.index(str(value)) for value in values]
            axes.set_xticks(range(len(words)), words, fontsize=7)
        elif name in factors and min(values) > 0:
            axes.set_xscale("log")
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
