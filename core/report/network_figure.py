"""The picture of a network: every layer, what comes out of it, and how many weights it has."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .canvas import LINES, as_png, blank_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches.
WIDTH = 10.0
_MIDDLE, _WIDEST, _NARROWEST = 0.85, 1.4, 0.1  # of the bars on the left
_LEFT, _RIGHT = 1.75, 5.85  # of the boxes
_SHAPE, _WEIGHTS = 6.0, 9.9  # where shapes begin and numbers of weights end
_LINE, _PADDING, _GAP, _HEAD = 0.18, 0.16, 0.2, 0.42
_LETTERS = 52  # of a line in a box
_BROADEST = 40  # letters of a line of a shape
_MOST = 80  # layers that are drawn: of more the first and the last

_TEXT, _FAINT = "#1c2733", "#5b6874"
_COLOURS = {  # of the box and its edge
    "input": ("#ffffff", "#8c9aa6"),
    "weights": ("#dbeaf5", LINES[0]),
    "none": ("#f1f3f5", "#8c9aa6"),
    "output": ("#dcf1e9", LINES[2]),
}


@dataclass(frozen=True)
class DrawnLayer:
    """A layer as it is drawn.

    Attributes:
        words: what it does.
        shape: of what comes out, in words.
        numbers: how many numbers that are.
        parameters: weights that training changes.
        times: how many such layers follow each other, which have these weights together.
        beside: it takes what the first one gives: another member begins, side by side with the one
            above it.
    """

    words: str
    shape: str
    numbers: int
    parameters: int
    times: int = 1
    beside: bool = False

    @property
    def lines(self) -> list[str]:
        """The words as lines."""
        words = f"{self.times} times: {self.words}" if self.times > 1 else self.words
        return textwrap.wrap(words, _LETTERS) or [""]

    @property
    def shape_lines(self) -> list[str]:
        """The shape as lines, broken between its axes only, and never amid ``7 x 7 pixels``."""
        lines = [""]
        for axis in re.split(r" x (?!\S+ pixels$)", self.shape):
            longer = f"{lines[-1]} x {axis}" if lines[-1] else axis
            if len(longer) > _BROADEST and lines[-1]:
                lines[-1] += " x"
                lines.append(axis)
            else:
                lines[-1] = longer
        return lines

    @property
    def height(self) -> float:
        """In inches."""
        return max(len(self.lines), len(self.shape_lines)) * _LINE + 2 * _PADDING


def network_picture(layers: Sequence[DrawnLayer]) -> bytes:
    """Draw a network from top to bottom.

    The bars on the left are as wide as the logarithm of how many numbers there are at that place.

    Args:
        layers: what goes in, then every layer in its order; equal ones that follow each other
            are drawn once, and of very many the middle is left out.

    Raises:
        DependencyError: matplotlib is missing.
    """
    shown = _shortened(_together(layers))
    height = _HEAD + sum(layer.height + _GAP for layer in shown) + _PADDING
    drawing = blank_figure(WIDTH, height)
    drawing.set_layout_engine("none")
    axes = drawing.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0.0, WIDTH)
    axes.set_ylim(height, 0.0)
    axes.axis("off")
    for place, text, side in (
        (_MIDDLE, "numbers", "center"),
        (_LEFT, "layer", "left"),
        (_SHAPE, "what comes out", "left"),
        (_WEIGHTS, "weights", "right"),
    ):
        axes.text(place, _HEAD / 2, text, ha=side, va="center", fontsize=9, color=_FAINT)
    top, most = _HEAD, math.log10(1 + max(layer.numbers for layer in shown))
    for place, layer in enumerate(shown):
        if layer.beside:
            _words_between(axes, top, "takes the patch as well, side by side with what is above")
        elif place:
            _arrow(axes, top - _GAP, top)
        _layer(axes, layer, _kind(layer, place, len(shown)), top, most)
        top += layer.height + _GAP
    return as_png(drawing)


def _together(layers: Sequence[DrawnLayer]) -> list[DrawnLayer]:
    """Draw equal layers that follow each other as one."""
    found: list[DrawnLayer] = []
    for layer in layers:
        last = found[-1] if found else None
        # Equal in words, shape and the weights of each one.
        if last and layer == replace(last, parameters=last.parameters // last.times, times=1):
            weights = last.parameters + layer.parameters
            found[-1] = replace(last, parameters=weights, times=last.times + 1)
        else:
            found.append(layer)
    return found


def _shortened(layers: Sequence[DrawnLayer]) -> list[DrawnLayer]:
    """Leave out the middle of what no page could show."""
    if len(layers) <= _MOST:
        return list(layers)
    half = _MOST // 2
    left_out = layers[half:-half]
    gone, weights = len(left_out), sum(layer.parameters for layer in left_out)
    rest = DrawnLayer(f"{gone:,} more layers are not drawn", "", layers[half].numbers, weights)
    return [*layers[:half], rest, *layers[-half:]]


def _kind(layer: DrawnLayer, place: int, count: int) -> str:
    if place in (0, count - 1):
        return "output" if place else "input"
    return "weights" if layer.parameters else "none"


def _layer(axes: Axes, layer: DrawnLayer, kind: str, top: float, most: float) -> None:
    """Draw a bar, a box with words, a shape and a number of weights."""
    from matplotlib.patches import FancyBboxPatch, Rectangle

    face, edge = _COLOURS[kind]
    middle = top + layer.height / 2
    share = math.log10(1 + layer.numbers) / most if most else 0.0
    width = _NARROWEST + (_WIDEST - _NARROWEST) * share
    bar = (_MIDDLE - width / 2, top + 0.04)
    axes.add_patch(Rectangle(bar, width, layer.height - 0.08, color=edge, alpha=0.35, linewidth=0))
    axes.text(_MIDDLE, middle, f"{layer.numbers:,}", ha="center", va="center", fontsize=8,
              color=_TEXT)  # fmt: skip
    box = FancyBboxPatch(
        (_LEFT + 0.06, top + 0.06),
        _RIGHT - _LEFT - 0.12,
        layer.height - 0.12,
        boxstyle="round,pad=0.06",
        facecolor=face,
        edgecolor=edge,
        linewidth=1.2,
    )
    axes.add_patch(box)
    words = {"va": "center", "fontsize": 9.5, "color": _TEXT, "parse_math": False}
    axes.text(_LEFT + 0.14, middle, "\n".join(layer.lines), ha="left", **words)
    axes.text(_SHAPE, middle, "\n".join(layer.shape_lines), ha="left", **words)
    weights = f"{layer.parameters:,}" if layer.parameters else "-"
    axes.text(_WEIGHTS, middle, weights, ha="right", **words)


def _words_between(axes: Axes, bottom: float, words: str) -> None:
    """Say in place of an arrow what a layer takes."""
    middle = (_LEFT + _RIGHT) / 2, bottom - _GAP / 2
    axes.text(*middle, words, ha="center", va="center", fontsize=7.5, color=_FAINT)


def _arrow(axes: Axes, top: float, bottom: float) -> None:
    middle = (_LEFT + _RIGHT) / 2
    style = {"arrowstyle": "-|>", "color": _FAINT, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (middle, bottom), (middle, top), arrowprops=style)
