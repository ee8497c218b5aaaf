"""The page about feature maps: the layers, some of the maps, the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ..modelfile.bundle import ModelBundle
from ..report import html
from ..report.axes import spectral_axis
from ..report.drawn import drawn
from ..report.layer_figures import (
    kernel_images_picture,
    maps_picture,
    spectral_kernels_picture,
)
from .kernels import MOST_WEIGHTS, Kernels

if TYPE_CHECKING:
    from ...models.stages import MeasuredStage

PLACES = {
    "centre": "Where a layer still has rows and columns within the patch, those of the patch's "
    "middle are taken.",
    "mean": "Where a layer still has rows and columns within the patch, their mean is taken.",
}


@dataclass(frozen=True)
class Told:
    """What was made of what.

    Attributes:
        model: file name of the model.
        image: name of the raster.
        number: of the layer, from 0.
        names: of the bands.
        place: ``centre`` or ``mean``.
        features: ``all``, ``first`` or ``mean``.
    """

    model: str
    image: str
    number: int
    names: Sequence[str]
    place: str
    features: str


def feature_page(
    bundle: ModelBundle,
    layers: Sequence[MeasuredStage],
    told: Told,
    preview: npt.NDArray[Any],
    kernels: Sequence[Kernels],
) -> str:
    """Return the page.

    Args:
        bundle: the model.
        layers: of its network.
        told: what was made of what.
        preview: ``(n, height, width)`` the first maps, thinned out.
        kernels: of the first layers that have some.
    """
    layer = layers[told.number]
    lead = (
        f"Layer {told.number + 1} of {told.model} ({layer.words}) over {told.image}: "
        f"{len(told.names):,} bands. A pixel's values are what the layer gives when the network "
        f"looks at that pixel. {PLACES[told.place]}"
    )
    if told.features == "mean":
        lead += " Features are averaged over the spectrum."
    rows: list[list[html.Cell]] = [
        [
            f"{number + 1}{' (shown)' if number == told.number else ''}",
            item.words,
            " x ".join(f"{size:,} {name}" for name, size in item.shape),
            f"{item.parameters:,}",
        ]
        for number, item in enumerate(layers)
    ]
    body = [
        html.paragraph(lead, "lead"),
        html.heading("Maps"),
        drawn(lambda: maps_picture(preview, told.names), "The first feature maps"),
        html.paragraph(
            f"The first {len(preview)} of {len(told.names):,}, thinned out, each from its 2nd to "
            "its 98th percentile.",
            "note",
        ),
        html.heading("Layers"),
        html.table(
            ["Layer", "What it does", "What comes out of a patch", "Parameters"], rows, words=True
        ),
        html.heading("Kernels"),
        *(piece for item in kernels for piece in _kernels(item, bundle)),
    ]
    return html.page("Feature maps", body)


def _kernels(item: Kernels, bundle: ModelBundle) -> list[str]:
    size = " x ".join(map(str, item.shape))
    pieces = [
        html.subheading(f"Layer {item.number}: {item.words} ({item.count:,} kernels, {size})")
    ]
    if item.spectra is not None:
        spectra = item.spectra
        places, across = spectral_axis(bundle.bands)
        pieces += [
            drawn(
                lambda: spectral_kernels_picture(places, spectra, across=across, up="effect"),
                f"What every band counts for in the kernels of layer {item.number}",
            ),
            html.paragraph(
                f"The first {len(spectra)} kernels over the spectrum: how much the layer's value "
                "changes for one standard deviation of each band (of the training pixels), before "
                "batch norm and activation; mapped back through the normalisation "
                f"'{bundle.normalisation.kind}'.",
                "note",
            ),
        ]
    if item.is_matrix:
        if item.spectra is None:
            pieces += [
                drawn(
                    lambda: kernel_images_picture(item.images),
                    f"Weights of layer {item.number}",
                ),
                html.paragraph(
                    "Weights, a row a feature that comes out, a column one that goes in; the first "
                    f"{MOST_WEIGHTS} of each at the most. Blue is negative, red positive.",
                    "note",
                ),
            ]
        return pieces
    return [
        *pieces,
        drawn(lambda: kernel_images_picture(item.images), f"Kernels of layer {item.number}"),
        html.paragraph(
            f"The first {len(item.images)} kernels, each on the input that it weighs most. Where "
            "they go over bands as well, their slices lie side by side, from the first band on. "
            "Blue is negative, red positive.",
            "note",
        ),
    ]
