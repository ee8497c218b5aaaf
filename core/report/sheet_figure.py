"""The picture of augmented examples: patches as small images, their spectra as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .canvas import LINES, as_png, blank_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Image = npt.NDArray[np.floating[Any]]

_HEIGHT, _SIDE, _SPECTRA = 1.35, 1.0, 3.6  # inches: of a row, of an image, of the spectra
_STRETCH = (2.0, 98.0)  # percentiles of the originals that become black and white


@dataclass(frozen=True, eq=False)
class Example:
    """A patch, and what it could as well have looked like.

    Attributes:
        name: of its class.
        patches: ``(1 + versions, height, width, bands)`` physical values, the original first.
    """

    name: str
    patches: Image


def sheet_picture(
    examples: Sequence[Example],
    titles: Sequence[str],
    shown: Sequence[int],
    spectral: tuple[Sequence[float], str],
) -> bytes:
    """Draw examples, a row each: small images, then the spectra of their middle pixels.

    Args:
        examples: at least one; all of one shape. Patches of a single pixel have no images.
        titles: of the original and of every version.
        shown: positions of the bands for red, green and blue, or of one for grey.
        spectral: ``(bands,)`` where bands lie, and what that is.

    Raises:
        DependencyError: matplotlib is missing.
    """
    count, side = len(titles), examples[0].patches.shape[2]
    images = count if side > 1 else 0
    drawing = blank_figure(images * _SIDE + _SPECTRA + 0.6, len(examples) * _HEIGHT + 0.5)
    grid = drawing.add_gridspec(
        len(examples), images + 1, width_ratios=[*[_SIDE] * images, _SPECTRA]
    )
    low, high = _limits(examples, shown)
    for row, example in enumerate(examples):
        for column in range(images):
            axes = drawing.add_subplot(grid[row, column])
            axes.imshow(_colours(example.patches[column], shown, low, high))
            axes.set_xticks([])
            axes.set_yticks([])
            if not row:
                axes.set_title(titles[column], fontsize=8, color=_colour(column))
            if not column:
                axes.set_ylabel(_short(example.name), fontsize=8, parse_math=False)
        axes = drawing.add_subplot(grid[row, images])
        _spectra(axes, example.patches, spectral[0], titles, named=not (row or images))
        if not images:
            axes.set_ylabel(_short(example.name), fontsize=8, parse_math=False)
        if row + 1 == len(examples):
            axes.set_xlabel(spectral[1], fontsize=8)
        elif not row and images:
            axes.set_title("spectra of the middle, in the colours of the numbers", fontsize=8)
    return as_png(drawing)


def _limits(examples: Sequence[Example], shown: Sequence[int]) -> tuple[Image, Image]:
    """Values that become black and white, a band each: of the originals, so that changes show."""
    pixels = np.concatenate(
        [example.patches[0][..., shown].reshape(-1, len(shown)) for example in examples]
    )
    low, high = np.percentile(pixels, _STRETCH, axis=0)
    return low, np.where(high > low, high, low + 1.0)


def _colours(patch: Image, shown: Sequence[int], low: Image, high: Image) -> Image:
    """``(height, width, 3)`` of 0..1."""
    values = np.clip((patch[..., shown] - low) / (high - low), 0.0, 1.0)
    return np.asarray(np.broadcast_to(values, (*values.shape[:2], 3)))


def _spectra(
    axes: Axes, patches: Image, places: Sequence[float], titles: Sequence[str], *, named: bool
) -> None:
    """Draw the spectra of the middle pixels, the original above the others."""
    order = np.argsort(places)
    across = np.asarray(places, dtype=np.float64)[order]
    middle = patches.shape[1] // 2
    for number, patch in enumerate(patches):
        axes.plot(
            across,
            patch[middle, middle][order],
            color=_colour(number),
            label=titles[number],
            linewidth=0.9 if number else 1.4,
            zorder=2 + (not number),
        )
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.3)
    if named:
        axes.legend(fontsize=7, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _colour(number: int) -> str:
    """Of the original, and of each version."""
    return LINES[(number - 1) % len(LINES)] if number else "#1c2733"


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}\u2026"
