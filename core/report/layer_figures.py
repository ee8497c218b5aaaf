"""Pictures of what layers have learnt, as small multiples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .canvas import LINES, as_png, blank_figure

Array = npt.NDArray[Any]
LINES_WIDE, IMAGES_WIDE, MAPS_WIDE = 4, 8, 4
LEAST_SPREAD = 1e-12


def spectral_kernels_picture(
    places: Sequence[float], kernels: Array, *, across: str, up: str
) -> bytes:
    """Draw kernels along the spectrum, a small line plot each.

    Args:
        places: ``(bands,)`` wavelengths, or numbers of bands.
        kernels: ``(n, bands)``.
        across: what the horizontal axis says.
        up: what the vertical axis says.

    Raises:
        DependencyError: matplotlib is missing.
    """
    rows = -(-len(kernels) // LINES_WIDE)
    drawing = blank_figure(10.0, 1.3 * rows + 0.5)
    order = np.argsort(places)
    where = np.asarray(places, dtype=np.float64)[order]
    for number, kernel in enumerate(kernels):
        axes = drawing.add_subplot(rows, LINES_WIDE, number + 1)
        axes.axhline(0.0, color="#8c9aa6", linewidth=0.6)
        axes.plot(where, kernel[order], color=LINES[0], linewidth=0.9)
        axes.set_title(f"{number + 1}", fontsize=7, pad=2)
        axes.tick_params(labelsize=6)
        if number >= len(kernels) - LINES_WIDE:
            axes.set_xlabel(across, fontsize=7)
        if number % LINES_WIDE == 0:
            axes.set_ylabel(up, fontsize=7)
    return as_png(drawing)


def kernel_images_picture(images: Sequence[Array]) -> bytes:
    """Draw kernels as images: blue is negative, red positive, white 0.

    Args:
        images: two-dimensional; NaN is a gap.

    Raises:
        DependencyError: matplotlib is missing.
    """
    wide = min(IMAGES_WIDE, len(images))
    if len(images) > 1 and images[0].shape[1] > 2 * images[0].shape[0]:
        wide = min(MAPS_WIDE, len(images))
    rows = -(-len(images) // wide)
    height, width = images[0].shape
    one = (10.0 if len(images) > 1 else 5.0) / wide
    drawing = blank_figure(
        one * wide, rows * min(max(one * height / width, 0.3), 5.0) + 0.35 * rows
    )
    for number, image in enumerate(images):
        axes = drawing.add_subplot(rows, wide, number + 1)
        most = max(float(np.nanmax(np.abs(image))), LEAST_SPREAD)
        axes.imshow(image, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        if len(images) > 1:
            axes.set_title(f"{number + 1}", fontsize=7, pad=2)
    return as_png(drawing)


def maps_picture(maps: Array, names: Sequence[str]) -> bytes:
    """Draw small maps, each from its 2nd to its 98th percentile.

    Args:
        maps: ``(n, height, width)``; NaN is nothing.
        names: of the maps.

    Raises:
        DependencyError: matplotlib is missing.
    """
    rows = -(-len(maps) // MAPS_WIDE)
    height, width = maps.shape[1:]
    one = 10.0 / MAPS_WIDE
    drawing = blank_figure(10.0, rows * (min(one * height / width, 2 * one) + 0.3))
    for number, (values, name) in enumerate(zip(maps, names)):
        axes = drawing.add_subplot(rows, MAPS_WIDE, number + 1)
        there = values[np.isfinite(values)]
        low, high = np.percentile(there, (2, 98)) if len(there) else (0.0, 1.0)
        axes.imshow(values, cmap="viridis", vmin=low, vmax=max(high, low + LEAST_SPREAD))
        axes.set_title(name, fontsize=7, pad=2)
        axes.set_xticks([])
        axes.set_yticks([])
    return as_png(drawing)
