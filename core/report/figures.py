"""Pictures of reports, as PNG bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .canvas import LINES as _LINES
from .canvas import as_png as _png
from .canvas import blank_figure as _figure

LARGEST_WITH_NUMBERS = 24  # classes; beyond, the cells have no room for text


def confusion_picture(
    matrix: npt.NDArray[np.int64],
    names: Sequence[str],
    *,
    sides: tuple[str, str] = ("reference", "map"),
) -> bytes:
    """Draw a confusion matrix, every row shaded by its own shares.

    Args:
        matrix: ``(k, k)`` pixels, rows reference, columns map.
        names: of the classes.
        sides: what rows and columns are.

    Raises:
        DependencyError: matplotlib is missing.
    """
    count = len(names)
    side = min(max(0.55 * count + 2.4, 4.0), 16.0)
    drawing = _figure(side + 0.6, side)
    axes = drawing.add_subplot()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    shown = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    labels = [_short(name) for name in names]
    axes.set_xticks(range(count), labels, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(count), labels)
    axes.set_xlabel(sides[1])
    axes.set_ylabel(sides[0])
    if count <= LARGEST_WITH_NUMBERS:
        for row, col in zip(*np.nonzero(matrix)):
            color = "white" if shares[row, col] > 0.55 else "#1c2733"
            number = int(matrix[row, col])
            axes.text(col, row, f"{number:,}", ha="center", va="center", color=color, fontsize=8)
    drawing.colorbar(shown, ax=axes, fraction=0.04, label=f"share of the {sides[0]} class")
    return _png(drawing)


def spectra_picture(
    wavelengths: Sequence[float],
    spectra: Sequence[npt.NDArray[np.floating[Any]]],
    *,
    names: Sequence[str] = (),
    colors: Sequence[str] = (),
    spreads: Sequence[npt.NDArray[np.floating[Any]]] = (),
    across: str = "wavelength, nm",
    up: str = "value",
) -> bytes:
    """Draw spectra: many thin grey lines, or a line with a name and a band around it each.

    Args:
        wavelengths: ``(bands,)``, or numbers of bands; drawn in rising order.
        spectra: ``(bands,)`` each; NaN leaves a gap.
        names: of the spectra; none: thin lines without a legend.
        colors: ``#rrggbb`` of each named one.
        spreads: half widths of the bands around named ones.
        across: what the horizontal axis says.
        up: what the vertical axis says.

    Raises:
        DependencyError: matplotlib is missing.
    """
    drawing = _figure(10.0, 4.6)
    axes = drawing.add_subplot()
    order = np.argsort(wavelengths)
    places = np.asarray(wavelengths, dtype=np.float64)[order]
    for number, spectrum in enumerate(spectra):
        line = np.asarray(spectrum, dtype=np.float64)[order]
        if not names:
            axes.plot(places, line, color="#33506b", alpha=0.25, linewidth=0.8)
            continue
        color = colors[number] if number < len(colors) else _LINES[number % len(_LINES)]
        axes.plot(places, line, color=color, label=_short(names[number]), linewidth=1.5)
        if number < len(spreads):
            half = np.asarray(spreads[number], dtype=np.float64)[order]
            axes.fill_between(places, line - half, line + half, color=color, alpha=0.12)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    if names:
        axes.legend(fontsize=8, ncols=1 + (len(names) > 10), loc="best")
    return _png(drawing)


def components_picture(
    eigenvalues: npt.NDArray[np.float64],
    shares: npt.NDArray[np.float64],
    kept: int,
    *,
    up: str,
    share: str,
) -> bytes:
    """Draw eigenvalues on the left, the share of the first so many components on the right.

    Args:
        eigenvalues: ``(n,)``, falling; those of 0 and less are not drawn.
        shares: ``(n,)`` of each component.
        kept: how many components are kept.
        up: what the eigenvalues are.
        share: what the shares are of.

    Raises:
        DependencyError: matplotlib is missing.
    """
    drawing = _figure(10.0, 3.8)
    numbers = np.arange(1, len(eigenvalues) + 1)
    positive = np.where(eigenvalues > 0, eigenvalues, np.nan)
    panels = ((positive, up, "log"), (100.0 * np.cumsum(shares), share, "linear"))
    for place, (values, title, scale) in enumerate(panels, start=1):
        axes = drawing.add_subplot(1, 2, place)
        axes.plot(numbers, values, color="#8c9aa6", linewidth=1.0)
        axes.plot(numbers[:kept], values[:kept], color=_LINES[0], marker="o", markersize=4)
        axes.plot(numbers[kept:], values[kept:], color="#8c9aa6", linestyle="", marker=".")
        axes.axvline(kept + 0.5, color=_LINES[1], linewidth=1.0, linestyle="--")
        axes.set_yscale(scale)
        axes.set_xlabel(f"component ({kept} kept)")
        axes.set_ylabel(title)
        axes.grid(alpha=0.3)
    return _png(drawing)


def histogram_picture(
    edges: Sequence[int], counts: Sequence[int], *, across: str, up: str
) -> bytes:
    """Draw how many there are of each value.

    Args:
        edges: of the bins, one more than there are; a bin holds its lower edge.
        counts: ``(bins,)``.
        across: what the values are.
        up: what is counted.

    Raises:
        DependencyError: matplotlib is missing.
    """
    drawing = _figure(8.0, 3.2)
    axes = drawing.add_subplot()
    widths = np.diff(edges)
    # Whole numbers lie in the middle of their bar.
    axes.bar(np.asarray(edges[:-1]) - 0.5, counts, width=widths, align="edge", color=_LINES[0],
             edgecolor="white", linewidth=0.5)  # fmt: skip
    axes.set_xlim(min(edges[0] - 1.0, 0.0), edges[-1])
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3, axis="y")
    return _png(drawing)


def places_picture(values: npt.NDArray[np.uint8], legend: Mapping[int, tuple[str, str]]) -> bytes:
    """Draw a small map of few values.

    Args:
        values: ``(height, width)``; 0 is nothing.
        legend: name and colour (``#rrggbb``) by value; those that do not occur are left out.

    Raises:
        DependencyError: matplotlib is missing.
    """
    height, width = values.shape
    scale = 7.0 / max(height, width)
    drawing = _figure(max(width * scale, 1.5) + 2.0, max(height * scale, 2.0) + 0.2)
    from matplotlib.patches import Patch

    axes = drawing.add_subplot()
    table = np.full((256, 3), 255, dtype=np.uint8)
    for value, (_, color) in legend.items():
        table[value] = [int(color[place : place + 2], 16) for place in (1, 3, 5)]
    axes.imshow(table[values], interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    present = set(np.unique(values).tolist())
    named = [Patch(color=color, label=_short(name)) for value, (name, color) in legend.items()
             if value in present]  # fmt: skip
    axes.legend(handles=named, loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=8,
                frameon=False)  # fmt: skip
    return _png(drawing)


def _short(name: str) -> str:
    return name if len(name) <= 22 else name[:21] + "…"
